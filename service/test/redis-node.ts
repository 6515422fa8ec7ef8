// One real redis-server on 127.0.0.1 with its own port and folder, which a test may kill, freeze and bring back.
//
// Promise: ready when `startRedis` returns; gone with its folder after `stop`; never outlives the test process.
// By default nothing is persisted, and the settings are the harness's own.
// Not here: how six of them become a cluster (redis-cluster.ts).
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createClient,
  type RedisClientOptions,
  type RedisFunctions,
  type RedisModules,
  type RedisScripts,
} from "redis";
import type { Certificates } from "./certificates.ts";
import { claimPort } from "./ports.ts";
import { type Running, startProcess } from "./processes.ts";
import { requireProgram } from "./programs.ts";
import { waitFor } from "./wait.ts";

/** Bound of one `command`: a frozen server must fail a test, not hang it. */
const COMMAND_TIMEOUT_MS = 5_000;
const START_TIMEOUT_MS = 10_000;
/** The harness's own user in servers with ACLs, so that a test may restrict every other one. */
const HARNESS_USER = "harness";
const HARNESS_PASSWORD = "harness-password";

export type RedisOptions = Readonly<{
  /** Serves TLS only, and asks clients for a certificate of the same authority. */
  tls?: Certificates;
  /** Lines of an ACL file, such as `user app on >secret ~* +@all`. Name `default` to restrict it. */
  acl?: readonly string[];
  /** appendonly yes, fsync everysec. */
  appendOnly?: boolean;
  /** The text of a redis.conf in place of the harness's own settings; its ACL file is `users.acl` in `folder`. */
  configuration?: (place: RedisPlace) => string;
  /** An existing folder to live in, which `stop` leaves there; a temporary one when absent. */
  folder?: string;
  /** Where it listens, and the words before its command that make it run there; 127.0.0.1 when absent. */
  place?: Readonly<{ address: string; enter: readonly string[] }>;
  /** Of the process, over that of ours. */
  environment?: (place: RedisPlace) => Readonly<Record<string, string>>;
  /** Anything else redis-server takes: `["--maxmemory", "10mb"]`. Wins over the harness's own settings. */
  args?: readonly string[];
}>;

export type RedisPlace = Readonly<{ address: string; port: number; folder: string }>;

/** RESP 2, so that replies have the plain shapes of `RedisReply`. */
type HarnessClientOptions = RedisClientOptions<RedisModules, RedisFunctions, RedisScripts, 2>;

export type RedisReply = string | number | null | readonly RedisReply[];

export type RedisNode = Readonly<{
  host: string;
  port: number;
  /** `redis://` or `rediss://`, without credentials. */
  url: string;
  folder: string;
  /** What node-redis needs to connect as the harness's user. */
  clientOptions: HarnessClientOptions;
  /** Sends one command as the harness's user; throws on an error reply. */
  command: (...args: (string | number)[]) => Promise<RedisReply>;
  /** Every key this server holds, sorted. */
  keys: () => Promise<string[]>;
  pid: () => number;
  isRunning: () => boolean;
  /** SIGKILL. The folder stays, for `restart`. */
  kill: () => Promise<void>;
  /** SIGSTOP and SIGCONT: accepts connections, answers nothing. */
  freeze: () => void;
  thaw: () => void;
  /** Same port, same folder; ends the running server first. Resolves when it answers and has loaded its data. */
  restart: () => Promise<void>;
  /** Ends the server and removes its folder, if it is a temporary one. */
  stop: () => Promise<void>;
}>;

export async function startRedis(options: RedisOptions = {}): Promise<RedisNode> {
  const program = requireProgram("redis-server");
  const { address, enter } = options.place ?? { address: "127.0.0.1", enter: [] };
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "sluice-redis-")));
  const port = await claimPort();
  if (options.configuration)
    await writeFile(join(folder, "redis.conf"), options.configuration({ address, port, folder }));
  if (options.acl) await writeFile(join(folder, "users.acl"), aclFile(options.acl));
  const args = serverArguments(options, port, folder);
  const clientOptions = connection(options, address, port);
  const start = () => {
    const env = { ...process.env, ...options.environment?.({ address, port, folder }) };
    const [command = "", ...words] = [...enter, program, ...args];
    return startProcess(command, words, { cwd: folder, env });
  };
  let server: Running = await start();
  let client: ReturnType<typeof newClient> | null = null;

  const forgetClient = () => {
    client?.destroy();
    client = null;
  };
  // One connection for all commands, made anew after a fault; commands sent meanwhile share the attempt.
  let connecting: Promise<unknown> = Promise.resolve();
  const connected = async () => {
    if (!client?.isOpen) {
      client = newClient(clientOptions);
      connecting = client.connect();
    }
    const mine = client;
    await connecting;
    return mine;
  };
  const command = async (...words: (string | number)[]): Promise<RedisReply> => {
    const name = words.slice(0, 2).join(" ");
    const sent = connected().then((ready) => ready.sendCommand<RedisReply>(words.map(String)));
    return await bounded(sent, `${name} to ${address}:${port}`, forgetClient);
  };
  const ready = async () => {
    await waitFor(
      `redis-server on port ${port}`,
      async () => {
        if (!server.isRunning()) return true;
        return !String(await command("INFO", "persistence")).includes("\nloading:1");
      },
      START_TIMEOUT_MS,
    );
    if (!server.isRunning()) throw new Error(`redis-server ended at once. It said:\n${server.output()}`);
  };
  const restart = async () => {
    forgetClient();
    await server.stop();
    server = await start();
    await ready();
  };
  const kill = async () => {
    forgetClient();
    await server.kill();
  };
  const stop = async () => {
    forgetClient();
    await server.stop();
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  };

  try {
    await ready();
  } catch (fault) {
    await stop();
    throw fault;
  }
  return {
    host: address,
    port,
    url: `${options.tls ? "rediss" : "redis"}://${address}:${port}`,
    folder,
    clientOptions,
    command,
    keys: async () => ((await command("KEYS", "*")) as string[]).toSorted(),
    pid: () => server.pid,
    isRunning: () => server.isRunning(),
    kill,
    freeze: () => server.signal("SIGSTOP"),
    thaw: () => server.signal("SIGCONT"),
    restart,
    stop,
  };
}

function newClient(options: HarnessClientOptions) {
  const client = createClient(options);
  client.on("error", () => undefined);
  client.unref();
  return client;
}

function serverArguments(options: RedisOptions, port: number, folder: string): string[] {
  const { tls } = options;
  if (options.configuration) return [join(folder, "redis.conf"), ...(options.args ?? [])];
  const listening = tls
    ? ["--port", "0", "--tls-port", String(port), "--tls-ca-cert-file", tls.caFile]
        .concat(["--tls-cert-file", tls.serverCertFile, "--tls-key-file", tls.serverKeyFile])
        .concat(["--tls-replication", "yes"])
    : ["--port", String(port)];
  const acl = options.acl
    ? ["--aclfile", join(folder, "users.acl"), "--masteruser", HARNESS_USER, "--masterauth", HARNESS_PASSWORD]
    : [];
  const appendOnly = ["--appendonly", options.appendOnly ? "yes" : "no"];
  return ["--bind", "127.0.0.1", ...listening, "--dir", folder, "--save", "", ...appendOnly, ...acl].concat(
    options.args ?? [],
  );
}

function aclFile(lines: readonly string[]): string {
  return [...lines, `user ${HARNESS_USER} on >${HARNESS_PASSWORD} ~* &* +@all`, ""].join("\n");
}

function connection(options: RedisOptions, address: string, port: number): HarnessClientOptions {
  const { tls } = options;
  const place = { host: address, port, reconnectStrategy: false as const, connectTimeout: COMMAND_TIMEOUT_MS };
  const secured = tls && {
    tls: true as const,
    ca: readFileSync(tls.caFile),
    cert: readFileSync(tls.clientCertFile),
    key: readFileSync(tls.clientKeyFile),
  };
  const credentials = options.acl ? { username: HARNESS_USER, password: HARNESS_PASSWORD } : {};
  return { RESP: 2, disableOfflineQueue: true, socket: { ...place, ...secured }, ...credentials };
}

async function bounded<T>(answer: Promise<T>, what: string, onTimeout: () => void): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    onTimeout();
    timeout.reject(new Error(`No answer within ${COMMAND_TIMEOUT_MS} ms: ${what}.`));
  }, COMMAND_TIMEOUT_MS);
  try {
    return await Promise.race([answer, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
