// Connections to single Redis nodes, as operator tooling wants them: no redirections, no retries, every wait bounded.
// Seeds give the credentials and TLS settings, which hold for every node found through them.

import type { RedisConfig } from "@sluice/service/config-stores.ts";
import { createClient, ErrorReply, RESP_TYPES } from "redis";
import { CommandFailure, EXIT } from "../exit-codes.ts";

const CONNECT_TIMEOUT_MS = 3_000;
/** Beyond this a node counts as unreachable. Commands that may take longer say so. */
const REPLY_TIMEOUT_MS = 3_000;

/** Which nodes to begin with, and how to prove ourselves to all of them. */
export type Seeds = Extract<RedisConfig, { kind: "redis" }>;

export type Reply = string | number | null | readonly Reply[];
type Word = string | number | Buffer;

export type Connection = Readonly<{
  /** `host:port` */
  address: string;
  command: (words: readonly Word[], timeoutMs?: number) => Promise<Reply>;
  /** For replies that hold keys: keys are bytes, not text. */
  buffers: (words: readonly Word[]) => Promise<Buffer[]>;
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
  const place = { host, port, connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false as const };
  const client = createClient({
    RESP: 2,
    disableOfflineQueue: true,
    socket: seeds.tls ? { ...place, tls: true, ...tlsOptions(seeds.tls) } : place,
    ...(seeds.username !== null && { username: seeds.username }),
    ...(seeds.password !== null && { password: seeds.password.reveal() }),
  });
  const address = `${host}:${port}`;
  client.on("error", () => undefined);
  try {
    await within(CONNECT_TIMEOUT_MS, address, client.connect());
    clients.push(client);
  } catch (fault) {
    if (client.isOpen) client.destroy();
    throw fault;
  }
  return {
    address,
    command: (words, timeoutMs = REPLY_TIMEOUT_MS) =>
      within(timeoutMs, address, client.sendCommand<Reply>(words.map(asArgument))),
    buffers: (words) => {
      const typeMapping = { [RESP_TYPES.BLOB_STRING]: Buffer };
      return within(REPLY_TIMEOUT_MS, address, client.sendCommand<Buffer[]>(words.map(asArgument), { typeMapping }));
    },
  };
}

function tlsOptions({ ca, certificate, privateKey, serverName }: NonNullable<Seeds["tls"]>) {
  return {
    ...(ca !== null && { ca }),
    ...(certificate !== null && { cert: certificate }),
    ...(privateKey !== null && { key: privateKey.reveal() }),
    ...(serverName !== null && { servername: serverName }),
  };
}

function asArgument(word: Word): string | Buffer {
  return typeof word === "number" ? String(word) : word;
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
