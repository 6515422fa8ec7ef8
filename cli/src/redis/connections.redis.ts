// Connections to single Redis nodes, as operator tooling wants them: no redirections, no retries, every wait bounded.
// Seeds give the credentials and TLS settings, which hold for every node found through them.

import { isUtf8 } from "node:buffer";
import type { RedisConfig } from "@sluice/service/config-stores.ts";
import { createClient, ErrorReply, RESP_TYPES } from "redis";
import { CommandFailure, EXIT } from "../exit-codes.ts";

const CONNECT_TIMEOUT_MS = 3_000;
/** Beyond this a node counts as unreachable. Commands that may take longer say so. */
const REPLY_TIMEOUT_MS = 3_000;
/** For keys and values: they are bytes, not text. */
const BLOBS_AS_BYTES = { [RESP_TYPES.BLOB_STRING]: Buffer };

/** Which nodes to begin with, and how to prove ourselves to all of them. */
export type Seeds = Extract<RedisConfig, { kind: "redis" }>;

export type Reply = string | number | null | readonly Reply[];
export type Word = string | number | Buffer;

export type Connection = Readonly<{
  /** `host:port` */
  address: string;
  command: (words: readonly Word[], timeoutMs?: number) => Promise<Reply>;
  /** For replies that hold keys. */
  buffers: (words: readonly Word[]) => Promise<Buffer[]>;
  /** All of them in one round trip, in this order; rejects when one of them is refused, though all have run. */
  pipeline: (commands: readonly (readonly Word[])[], timeoutMs?: number) => Promise<(Reply | Buffer)[]>;
  /** A further connection to the same node that is told every key that changes there; null when all keys go at once. */
  track: (changed: (key: Buffer | null) => void) => Promise<Tracking>;
}>;

export type Tracking = Readonly<{
  /** When it resolves, `changed` was told of everything that happened before it was called. */
  settled: () => Promise<void>;
  close: () => void;
}>;

/** All connections of one command; `close` ends them. */
export type Connections = Readonly<{
  to: (host: string, port: number) => Promise<Connection>;
  /** The first seed that answers. */
  toAnySeed: () => Promise<Connection>;
  close: () => void;
}>;

export function openConnections(seeds: Seeds): Connections {
  const open = new Map<string, Promise<Connection>>();
  const clients: { destroy: () => void }[] = [];
  const to = (host: string, port: number) => {
    const address = `${host}:${port}`;
    const known = open.get(address) ?? connect(seeds, host, port, clients);
    open.set(address, known);
    return known;
  };
  const toAnySeed = async () => {
    const faults: CommandFailure[] = [];
    for (const { host, port } of seeds.seeds) {
      try {
        return await to(host, port);
      } catch (fault) {
        if (!(fault instanceof CommandFailure)) throw fault;
        faults.push(fault);
      }
    }
    throw faults.find(({ exitCode }) => exitCode === EXIT.auth) ?? faults[0] ?? new Error("There are no seeds.");
  };
  return { to, toAnySeed, close: () => clients.map((client) => client.destroy()) };
}

async function connect(
  seeds: Seeds,
  host: string,
  port: number,
  clients: { destroy: () => void }[],
): Promise<Connection> {
  const address = `${host}:${port}`;
  const client = createClient({ ...optionsOf(seeds, host, port), RESP: 2 });
  await connected(client, address);
  clients.push(client);
  const buffers = <T>(words: readonly Word[]) =>
    client.sendCommand<T>(words.map(asArgument), { typeMapping: BLOBS_AS_BYTES });
  return {
    address,
    command: (words, timeoutMs = REPLY_TIMEOUT_MS) =>
      within(timeoutMs, address, client.sendCommand<Reply>(words.map(asArgument))),
    buffers: (words) => within(REPLY_TIMEOUT_MS, address, buffers<Buffer[]>(words)),
    pipeline: (commands, timeoutMs = REPLY_TIMEOUT_MS) =>
      within(timeoutMs, address, Promise.all(commands.map((words) => buffers<Reply | Buffer>(words)))),
    track: (changed) => track(seeds, host, port, changed),
  };
}

async function track(
  seeds: Seeds,
  host: string,
  port: number,
  changed: (key: Buffer | null) => void,
): Promise<Tracking> {
  const address = `${host}:${port}`;
  const options = optionsOf(seeds, host, port);
  const commandOptions = { ...options.commandOptions, typeMapping: BLOBS_AS_BYTES };
  const client = createClient({ ...options, RESP: 3, emitInvalidate: true, commandOptions });
  client.on("invalidate", changed);
  await connected(client, address);
  const close = () => client.destroy();
  try {
    // The client begins with the mode that reports only keys read by this connection, and a mode cannot be changed.
    await within(REPLY_TIMEOUT_MS, address, client.sendCommand(["CLIENT", "TRACKING", "OFF"]));
    await within(REPLY_TIMEOUT_MS, address, client.sendCommand(["CLIENT", "TRACKING", "ON", "BCAST"]));
  } catch (fault) {
    close();
    throw fault;
  }
  // A server writes notices at the end of each turn of its loop: all earlier ones come before the reply of a later PING.
  return { settled: async () => void (await within(REPLY_TIMEOUT_MS, address, client.sendCommand(["PING"]))), close };
}

function optionsOf(seeds: Seeds, host: string, port: number) {
  const place = { host, port, connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false as const };
  return {
    disableOfflineQueue: true,
    // The client's own timeout would arm a timer per command; every wait here is bounded by `within`.
    commandOptions: { timeout: 0 },
    socket: seeds.tls ? { ...place, tls: true as const, ...tlsOptions(seeds.tls) } : place,
    ...(seeds.username !== null && { username: seeds.username }),
    ...(seeds.password !== null && { password: seeds.password.reveal() }),
  };
}

type Client = Readonly<{
  isOpen: boolean;
  connect: () => Promise<unknown>;
  destroy: () => void;
  on: (event: "error", listener: () => void) => unknown;
}>;

async function connected(client: Client, address: string): Promise<void> {
  client.on("error", () => undefined);
  try {
    await within(CONNECT_TIMEOUT_MS, address, client.connect());
  } catch (fault) {
    if (client.isOpen) client.destroy();
    throw fault;
  }
}

function tlsOptions({ ca, certificate, privateKey, serverName }: NonNullable<Seeds["tls"]>) {
  return {
    ...(ca !== null && { ca }),
    ...(certificate !== null && { cert: certificate }),
    ...(privateKey !== null && { key: privateKey.reveal() }),
    ...(serverName !== null && { servername: serverName }),
  };
}

/** Text where it can be: the client writes every buffer to the socket by itself, which takes far longer for many keys. */
function asArgument(word: Word): string | Buffer {
  if (typeof word === "number") return String(word);
  return Buffer.isBuffer(word) && isUtf8(word) ? word.toString() : word;
}

async function within<T>(timeoutMs: number, address: string, answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new CommandFailure(EXIT.unreachable, `${address} gave no answer within ${timeoutMs} ms.`));
  }, timeoutMs);
  try {
    return await Promise.race([answer, late.promise]);
  } catch (fault) {
    throw explain(fault, address);
  } finally {
    clearTimeout(timer);
  }
}

function explain(fault: unknown, address: string): Error {
  if (fault instanceof CommandFailure) return fault;
  const said = fault instanceof Error ? fault.message || fault.name : String(fault);
  if (!(fault instanceof ErrorReply)) {
    return new CommandFailure(EXIT.unreachable, `${address} cannot be reached: ${said}`, { cause: fault });
  }
  const isAboutUser = /^(NOAUTH|WRONGPASS|NOPERM)|AUTH/.test(said);
  return isAboutUser
    ? new CommandFailure(EXIT.auth, `${address} refuses this user: ${said}`, { cause: fault })
    : new CommandFailure(EXIT.failed, `${address} answered: ${said}`, { cause: fault });
}
