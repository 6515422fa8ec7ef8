// One real PostgreSQL cluster on 127.0.0.1 with its own port and folder, which a test may kill, rewind and bring back.
//
// Promise: ready when `startPostgres` returns; gone with its folder after `stop`; never outlives the test process.
// Nothing is synced to disk: a test may kill the server, not the machine. As root everything runs as user `postgres`,
// because PostgreSQL refuses root. Not here: what a suite does where PostgreSQL is missing (services.ts).
import { execFile } from "node:child_process";
import { copyFile, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import { migrate } from "../src/platform/migrate.ts";
import type { Certificates } from "./certificates.ts";
import { claimPort } from "./ports.ts";
import { templateOfRun } from "./postgres-template.ts";
import { type Running, startProcess } from "./processes.ts";
import { findPostgresFolder, findProgram } from "./programs.ts";
import { waitFor } from "./wait.ts";

const START_TIMEOUT_MS = 20_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** Migrated once, then cloned for every test: a clone costs a tenth of a migration. */
const TEMPLATE = "sluice_template";

export type TestPostgres = Readonly<{
  port: number;
  folder: string;
  /** The folder of `pg_dump` and its siblings. */
  programs: string;
  url: (database: string) => string;
  /** A new empty database; its URL. */
  emptyDatabase: () => Promise<string>;
  /** A new database with every migration applied; its URL. */
  migratedDatabase: () => Promise<string>;
  pid: () => number;
  isRunning: () => boolean;
  /** SIGSTOP and SIGCONT of the postmaster: accepts nobody new; sessions that are open go on. */
  freeze: () => void;
  thaw: () => void;
  /** SIGKILL of the postmaster. The folder stays, for `restart`. */
  kill: () => Promise<void>;
  /** Same port, same folder; ends the running server first. Resolves when it answers. */
  restart: () => Promise<void>;
  /** A cold copy of the whole cluster, taken between a stop and a start; the copy's folder. */
  backup: () => Promise<string>;
  /** Puts a copy in place of the cluster and starts it, on a timeline of its own as after a point-in-time recovery. */
  restoreOnNewTimeline: (copy: string) => Promise<void>;
  /** Ends the server and removes its folder, if it is a temporary one. */
  stop: () => Promise<void>;
}>;

export type PostgresServerOptions = Readonly<{
  /** An existing folder to live in, which `stop` leaves there; a temporary one when absent. */
  folder?: string;
  /** Made anew, with a system identifier of its own; otherwise a copy, like all others of this run. */
  isStranger?: true;
  /** Speaks TLS to whoever wants it, and its URLs want it, with the certificate verified. */
  tls?: Certificates;
}>;

export async function startPostgres(options: PostgresServerOptions = {}): Promise<TestPostgres> {
  const made = options.isStranger ? null : await templateOfRun(makeTemplate);
  return await openPostgresIn(options, made === null ? null : join(made, "data"));
}

/** A cluster that holds one migrated database. */
async function makeTemplate(folder: string): Promise<void> {
  const server = await openPostgresIn({ folder }, null);
  try {
    await server.migratedDatabase();
    await run(server.url("postgres"), "drop database test_1");
  } finally {
    await server.stop();
  }
}

/** `template` = the data folder of a cluster made by `makeTemplate`, which this one begins as. */
async function openPostgresIn(options: PostgresServerOptions, template: string | null): Promise<TestPostgres> {
  const programs = findPostgresFolder();
  if (programs === null) throw new Error("PostgreSQL is not installed: wrap the suite in describeWithPostgres.");
  const { tls } = options;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "sluice-postgres-")));
  const data = join(folder, "data");
  const port = await claimPort();
  const verified = tls === undefined ? "" : `?sslmode=verify-full&sslrootcert=${encodeURIComponent(tls.caFile)}`;
  const url = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}${verified}`;
  const tlsSettings = tls === undefined ? [] : ["ssl=on", "ssl_cert_file=../server.crt", "ssl_key_file=../server.key"];
  let server: Running | null = null;
  let databases = 0;
  let migrated: Promise<string> | null = template === null ? null : Promise.resolve(TEMPLATE);

  const start = async () => {
    // After a SIGKILL the old backends may hold the data folder for a moment, and a new postmaster refuses to start.
    const answers = async () => {
      if (!server?.isRunning()) server = await startPostmaster(programs, data, port, tlsSettings);
      return await run(url("postgres"), "select 1");
    };
    await waitFor(`PostgreSQL on port ${port}`, answers, START_TIMEOUT_MS).catch((fault) => {
      throw new Error(`${fault instanceof Error ? fault.message : fault} It said:\n${server?.output()}`);
    });
  };
  const end = async () => {
    // SIGINT is PostgreSQL's fast shutdown: it ends sessions instead of waiting for them.
    server?.signal("SIGINT");
    server?.signal("SIGCONT");
    await server?.ended;
  };
  const restart = async () => {
    await end();
    await start();
  };
  const createDatabase = async (from: string) => {
    databases++;
    await run(url("postgres"), `create database test_${databases} template ${from}`);
    return url(`test_${databases}`);
  };
  const newTemplate = async () => {
    await run(url("postgres"), `create database ${TEMPLATE}`);
    await migrate({ url: url(TEMPLATE) });
    return TEMPLATE;
  };
  const backup = async () => {
    const copy = join(folder, `copy-${performance.now()}`);
    await end();
    await asServerUser("cp", ["-a", data, copy]);
    await start();
    return copy;
  };
  const restoreOnNewTimeline = async (copy: string) => {
    await end();
    await rm(data, { recursive: true });
    await cp(copy, data, { recursive: true, preserveTimestamps: true });
    await writeFile(join(data, "standby.signal"), "");
    await giveToServerUser(data);
    await start();
    await run(url("postgres"), "select pg_promote(true)");
  };
  const stop = async () => {
    await end();
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  };

  try {
    if (tls !== undefined) await copyCertificate(tls, folder);
    await giveToServerUser(folder);
    if (template === null) await initialise(programs, data);
    else await asServerUser("cp", ["-a", template, data]);
    await start();
  } catch (fault) {
    await stop();
    throw fault;
  }
  return {
    port,
    folder,
    programs,
    url,
    emptyDatabase: () => createDatabase("template0"),
    migratedDatabase: async () => {
      migrated ??= newTemplate();
      return await createDatabase(await migrated);
    },
    pid: () => server?.pid ?? 0,
    isRunning: () => server?.isRunning() ?? false,
    freeze: () => server?.signal("SIGSTOP"),
    thaw: () => server?.signal("SIGCONT"),
    kill: async () => await server?.kill(),
    restart,
    backup,
    restoreOnNewTimeline,
    stop,
  };
}

/** Runs one statement over a connection of its own, and gives its rows. */
export async function run(url: string, sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
}

async function initialise(programs: string, data: string): Promise<void> {
  const args = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  await asServerUser(join(programs, "initdb"), args);
}

/** A copy of its own: PostgreSQL refuses a key that belongs to somebody else. */
async function copyCertificate(tls: Certificates, folder: string): Promise<void> {
  await copyFile(tls.serverCertFile, join(folder, "server.crt"));
  await copyFile(tls.serverKeyFile, join(folder, "server.key"));
}

/** On a folder that is a cluster already. `further` settings are `name=value`. */
export async function startPostmaster(
  programs: string,
  data: string,
  port: number,
  further: readonly string[] = [],
): Promise<Running> {
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    // In its folder, so that a server that is killed leaves nothing outside of it.
    "dynamic_shared_memory_type=mmap",
    "max_connections=60",
    ...further,
  ];
  const args = ["-D", data, ...settings.flatMap((setting) => ["-c", setting])];
  const [command, commandArgs] = serverUserCommand(join(programs, "postgres"), args);
  return await startProcess(command, commandArgs, { cwd: data });
}

export async function asServerUser(program: string, args: readonly string[]): Promise<void> {
  const [command, commandArgs] = serverUserCommand(program, args);
  await promisify(execFile)(command, commandArgs, { cwd: "/" });
}

export async function giveToServerUser(path: string): Promise<void> {
  if (isRoot()) await promisify(execFile)("chown", ["-R", "postgres:", path]);
}

/** As root, `setpriv` becomes the user in place: its process is the postmaster, so a signal reaches the right one. */
function serverUserCommand(program: string, args: readonly string[]): [string, string[]] {
  if (!isRoot()) return [program, [...args]];
  const setpriv = findProgram("setpriv");
  if (setpriv === null) throw new Error("Running PostgreSQL as root needs `setpriv` (package util-linux).");
  const become = ["--reuid", "postgres", "--regid", "postgres", "--init-groups", "--pdeathsig", "KILL"];
  return [setpriv, [...become, program, ...args]];
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
