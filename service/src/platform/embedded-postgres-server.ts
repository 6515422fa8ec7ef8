// Lets many connections share the one session of an embedded database, as if each had its own.
//
// A turn is everything up to a request for an answer; the session stays with a connection until it is idle again, so
// neither transactions nor the parts of an extended query interleave. (@electric-sql/pglite-socket 0.2.17 hands over
// after every message: two clients that prepare at once then run each other's statements.)
// A connection that goes away in a transaction is rolled back. Notifications reach all connections.
// A turn that rejects is not caught: the database is beyond help then, and the thread ends with it.
import { createServer, type Server, type Socket } from "node:net";
import * as wire from "./embedded-postgres-wire.ts";

/** Runs one turn; the raw answers. Rejects only when the database is beyond help. */
export type RunTurn = (messages: Buffer) => Promise<Buffer>;

type Connection = { readonly socket: Socket; unread: Buffer; isStarted: boolean; pending: Buffer[]; turns: Buffer[] };

/** A server that is not listening yet. */
export function createSessionServer(runTurn: RunTurn): Server {
  /** In the order of waiting: who had a turn goes last, so that no busy connection starves the others. */
  const connections = new Set<Connection>();
  let owner: Connection | null = null;
  let isBusy = false;

  const accept = (socket: Socket) => {
    const connection: Connection = { socket, unread: Buffer.alloc(0), isStarted: false, pending: [], turns: [] };
    connections.add(connection);
    // A reset peer is a closed peer: `close` follows.
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      connection.unread = Buffer.concat([connection.unread, bytes]);
      receive(connection);
      void takeTurns();
    });
    socket.on("close", () => {
      connections.delete(connection);
      const abandoned = owner === connection;
      connection.turns = abandoned ? [Buffer.concat([wire.syncMessage(), wire.queryMessage("rollback")])] : [];
      void takeTurns();
    });
  };

  const takeTurns = async () => {
    if (isBusy) return;
    isBusy = true;
    for (let next = nextInTurn(); next !== null; next = nextInTurn()) {
      owner = next;
      const turn = next.turns.shift() ?? Buffer.alloc(0);
      const answers = wire.readMessages(await runTurn(turn)).messages;
      const own = answers.filter((message) => !wire.isNotification(message));
      if (next.socket.writable) next.socket.write(Buffer.concat(own));
      if (own.length < answers.length) broadcast(answers.filter(wire.isNotification));
      if (!wire.leavesSessionIdle(own)) continue;
      owner = null;
      if (connections.delete(next)) connections.add(next);
    }
    isBusy = false;
  };

  const nextInTurn = (): Connection | null => {
    if (owner !== null) return owner.turns.length > 0 ? owner : null;
    for (const connection of connections) if (connection.turns.length > 0) return connection;
    return null;
  };

  const broadcast = (notifications: readonly Buffer[]) => {
    const bytes = Buffer.concat(notifications);
    for (const { socket, isStarted } of connections) if (isStarted && socket.writable) socket.write(bytes);
  };

  return createServer(accept);
}

/** Cuts what has arrived into turns. A peer that does not speak the protocol is cut off. */
function receive(connection: Connection): void {
  if (!connection.isStarted) open(connection);
  if (!connection.isStarted) return;
  const read = wire.readMessages(connection.unread);
  if (read.isBroken) connection.socket.destroy();
  connection.unread = read.rest;
  for (const message of read.messages) {
    if (wire.isTerminate(message)) {
      connection.socket.end();
      return;
    }
    connection.pending.push(message);
    if (wire.asksForAnswer(message)) connection.turns.push(Buffer.concat(connection.pending.splice(0)));
  }
}

function open(connection: Connection): void {
  const opening = wire.readOpening(connection.unread);
  if (opening.kind === "incomplete") return;
  connection.unread = opening.rest;
  if (opening.kind === "startup") {
    connection.isStarted = true;
    connection.turns.push(opening.message);
  } else if (opening.kind === "encryption") {
    // "No": the client goes on in plain, or leaves.
    connection.socket.write("N");
    open(connection);
  } else {
    // A cancel request expects no answer, and there is no backend to signal.
    connection.socket.destroy();
  }
}
