// Opens PostgreSQL: one pool per process, a query builder over it, and single connections for LISTEN.
//
// Promise: a broken idle connection never ends the process; connecting is bounded. 8-byte integers arrive as numbers,
// and one beyond 2^53 throws instead of being rounded. The embedded default (embedded-postgres.ts) is opened alike.
// Not here: what the tables hold (the domain folders), or how they come to be (migrate.ts).
import type { ConnectionOptions } from "node:tls";
import { Kysely, PostgresDialect } from "kysely";
import { Client, type ClientConfig, Pool, type QueryConfig, types } from "pg";

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
  pool: Pool;
  close: () => Promise<void>;
}>;

export function openPostgres<Tables>(options: PostgresOptions): Postgres<Tables> {
  const pool = new Pool({ ...clientConfig(options), max: options.poolSize ?? DEFAULT_POOL_SIZE });
  // A fault is reported by whatever uses the connection next. Without a listener it would end the process: on the pool
  // for connections that lie idle, on each connection for one that breaks between two queries of a transaction.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  const sql = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return { options, sql, pool, close: () => sql.destroy() };
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
