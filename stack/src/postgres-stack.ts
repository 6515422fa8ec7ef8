// The PostgreSQL of the stack as the rest of it sees it, and the simplest of them: one server.
//
// Promise: the schema is there, made by the role that owns it; the service comes in as a role that only may what 0003_audit.sql
// and its siblings grant, as in production.
// Not here: a monitor with a primary and a standby (postgres-failover.ts).
import { grantServiceRights, migrate } from "@sluice/service/platform/migrate.ts";
import type { Certificates } from "../../service/test/certificates.ts";
import { run, startPostgres } from "../../service/test/postgres.ts";
import type { NetworkPlace } from "./network.ts";

export type PostgresServer = Readonly<{
  name: string;
  /** `host:port` */
  address: string;
  dataFolder: string;
  /** Of the postmaster. */
  pid: () => number;
  isRunning: () => boolean;
  /** SIGKILL. */
  kill: () => Promise<void>;
  /** SIGSTOP and SIGCONT. */
  freeze: () => void;
  thaw: () => void;
  /** Same port, same folder. Resolves when it answers. */
  start: () => Promise<void>;
}>;

export type PostgresStack = Readonly<{
  nodes: readonly PostgresServer[];
  /** Which takes writes now. */
  primary: () => Promise<PostgresServer>;
  /** The database, as the role of the service and as the owner. May name several hosts. */
  url: string;
  ownerUrl: string;
  /** Runs one statement as superuser on the primary, and gives its rows. */
  sql: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;
  stop: () => Promise<void>;
}>;

export type PostgresStackOptions = Readonly<{
  folder: string;
  certificates: Certificates | null;
  /** Where each machine is, for those that have one of their own; all on 127.0.0.1 when absent. */
  placeOf?: (machine: string) => NetworkPlace;
}>;

export const DATABASE = "sluice";
export const OWNER_ROLE = "sluice_owner";
export const SERVICE_ROLE = "sluice_service";

export async function startSinglePostgres({ folder, certificates }: PostgresStackOptions): Promise<PostgresStack> {
  const server = await startPostgres({ folder, ...(certificates === null ? {} : { tls: certificates }) });
  const as = (role: string) => server.url(DATABASE).replace("//postgres@", `//${role}@`);
  const node: PostgresServer = {
    name: "postgres-1",
    address: `127.0.0.1:${server.port}`,
    dataFolder: server.folder,
    pid: server.pid,
    isRunning: server.isRunning,
    kill: server.kill,
    freeze: server.freeze,
    thaw: server.thaw,
    start: server.restart,
  };
  const stack: PostgresStack = {
    nodes: [node],
    primary: async () => node,
    url: as(SERVICE_ROLE),
    ownerUrl: as(OWNER_ROLE),
    sql: (text, values) => run(server.url(DATABASE), text, values),
    stop: server.stop,
  };
  try {
    const sql = (text: string) => run(server.url("postgres"), text);
    await createDatabase(sql);
    await bringUpToDate(stack.ownerUrl);
  } catch (fault) {
    await server.stop();
    throw fault;
  }
  return stack;
}

/** What an administrator does once. `sql` runs as superuser. */
export async function createDatabase(sql: (text: string) => Promise<unknown>): Promise<void> {
  await sql(`create role ${OWNER_ROLE} login`);
  await sql(`create role ${SERVICE_ROLE} login`);
  await sql(`create database ${DATABASE} owner ${OWNER_ROLE}`);
}

/** What the job before each release does. */
export async function bringUpToDate(ownerUrl: string): Promise<void> {
  await migrate({ url: ownerUrl });
  await grantServiceRights({ url: ownerUrl }, SERVICE_ROLE);
}
