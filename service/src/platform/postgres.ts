// Opens PostgreSQL: one pool per process, a query builder over it, and single connections for LISTEN.
//
// Promise: a broken idle connection never ends the process; connecting is bounded. 8-byte integers arrive as numbers,
// and one beyond 2^53 throws instead of being rounded. The embedded default (embedded-postgres.ts) is opened alike.
// Not here: what the tables hold (the domain folders), how they come to be (migrate.ts), rebuilding the pool (pool.ts).
import type { ConnectionOptions } from "node:tls";
import { Kysely, PostgresDialect } from "kysely";
import { Client, type ClientConfig, type QueryConfig, types } from "pg";
import { RebuildablePool } from "./pool.ts";

const CONNECT_TIMEOUT_MS = 2_000;
const DEFAULT_POOL_SIZE = 4;
const INT8_OID = 20;

export type PostgresOptions = Readonly<{
  /** `postgres://…`; `host` may be the folder of a Unix socket. */
  url: string;
  /** TLS settings; they give way to an `sslmode` in the URL. */
  tls?: ConnectionOptions;
  poolSize?: number;
  /** Shown in pg_stat_activity. */
  applicationName?: string;
}>;

export type Postgres<Tables> = Readonly<{
  options: PostgresOptions;
  sql: Kysely<Tables>;
  pool: RebuildablePool;
  close: () => Promise<void>;
}>;

export function openPostgres<Tables>(options: PostgresOptions): Postgres<Tables> {
  const pool = new RebuildablePool(clientConfig(options), options.poolSize ?? DEFAULT_POOL_SIZE);
  const sql = new Kysely<Tables>({ dialect: new PostgresDialect({ pool, controlClient: Client }) });
  const close = async () => {
    await sql.destroy();
    // Kysely ends only a pool that it has used.
    await pool.end();
  };
  return { options, sql, pool, close };
}

/** A connection of its own, connected. The caller listens to its `error` and `end`, and ends it. */
export async function connectPostgres(options: PostgresOptions): Promise<Client> {
  const client = new Client(clientConfig(options));
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/**
 * A query that rejects after `timeoutMs`, so that a server that has gone away without a word holds nobody up. The
 * connection is of no use afterwards: give it up.
 */
export function bounded(timeoutMs: number, text: string, values: unknown[] = []): QueryConfig {
  // `query_timeout` is read by pg for each query, and unknown to its types.
  const config = { text, values, query_timeout: timeoutMs };
  return config;
}

function clientConfig(options: PostgresOptions): ClientConfig {
  return {
    connectionString: options.url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: options.applicationName ?? "sluice",
    types: { getTypeParser: (oid, format) => (oid === INT8_OID ? parseInt8 : types.getTypeParser(oid, format)) },
    ...(options.tls && { ssl: options.tls }),
  };
}

function parseInt8(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`The integer ${text} is beyond 2^53: select it as text.`);
  return number;
}
