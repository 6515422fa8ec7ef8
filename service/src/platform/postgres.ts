// Opens PostgreSQL: one pool per process, a query builder over it, and single connections for LISTEN.
//
// Promise: a broken idle connection never ends the process; connecting is bounded, and so is every statement over the
// pool, so that a server that died without a word holds nobody up for longer. A commit whose outcome nobody knows throws
// `OutcomeUnknown`. 8-byte integers arrive as numbers, and one beyond 2^53 throws instead of being rounded. The embedded
// default (embedded-postgres.ts) is opened alike.
// Not here: what the tables hold (the domain folders), how they come to be (migrate.ts), rebuilding the pool (pool.ts),
// which of several hosts is used (writable-host.ts).
import type { ConnectionOptions } from "node:tls";
import { Kysely } from "kysely";
import { Client, type ClientConfig, type QueryConfig, types } from "pg";
import { RebuildablePool } from "./pool.ts";
import { OutcomeDialect } from "./postgres-commit.ts";
import { parsePostgresUrl } from "./postgres-hosts.ts";
import { WritableHost } from "./writable-host.ts";

const CONNECT_TIMEOUT_MS = 2_000;
/** Longer than the server's own limit for a change (admin/change.pg.ts), which tells more when it comes first. */
const LONGEST_STATEMENT_MS = 12_000;
const DEFAULT_POOL_SIZE = 4;
const INT8_OID = 20;

export type PostgresOptions = Readonly<{
  /** `postgres://…`, with one host or several (postgres-hosts.ts); `host` may be the folder of a Unix socket. */
  url: string;
  /** TLS settings; with a URL that asks for `verify-full` they are used with it, otherwise they give way to `sslmode`. */
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
  const host = hostOf(options, { query_timeout: LONGEST_STATEMENT_MS });
  const pool = new RebuildablePool(host, options.poolSize ?? DEFAULT_POOL_SIZE);
  const sql = new Kysely<Tables>({ dialect: new OutcomeDialect({ pool, controlClient: Client }) });
  const close = async () => {
    await sql.destroy();
    // Kysely ends only a pool that it has used.
    await pool.end();
  };
  return { options, sql, pool, close };
}

/** A connection of its own, connected. The caller listens to its `error` and `end`, and ends it. */
export async function connectPostgres(options: PostgresOptions): Promise<Client> {
  const host = hostOf(options, {});
  const client = new Client(await host.find());
  client.on("error", () => undefined);
  await client.connect();
  await host.check(client).catch(async (fault) => {
    await client.end();
    throw fault;
  });
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

function hostOf(options: PostgresOptions, further: ClientConfig): WritableHost {
  const { urls, mustTakeWrites } = parsePostgresUrl(options.url);
  const [first, ...others] = urls.map((url) => ({ ...clientConfig(options, url), ...further }));
  if (first === undefined) throw new Error("The PostgreSQL address names no host.");
  return new WritableHost([first, ...others], mustTakeWrites);
}

function clientConfig(options: PostgresOptions, url: URL): ClientConfig {
  return {
    connectionString: withoutMode(url, options.tls).href,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: options.applicationName ?? "sluice",
    types: { getTypeParser: (oid, format) => (oid === INT8_OID ? parseInt8 : types.getTypeParser(oid, format)) },
    ...(options.tls && { ssl: options.tls }),
  };
}

/** Any `ssl…` in the URL would replace the TLS settings. `verify-full` asks for nothing that they do not do by themselves. */
function withoutMode(url: URL, tls: ConnectionOptions | undefined): URL {
  if (tls?.rejectUnauthorized !== true || url.searchParams.get("sslmode") !== "verify-full") return url;
  if (url.searchParams.has("sslrootcert")) return url;
  const bare = new URL(url);
  bare.searchParams.delete("sslmode");
  return bare;
}

function parseInt8(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`The integer ${text} is beyond 2^53: select it as text.`);
  return number;
}
