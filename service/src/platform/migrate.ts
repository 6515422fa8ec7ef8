// Brings a database to the schema of this release: the numbered SQL files of `service/migrations`, in order, once each.
//
// Promise: many instances may migrate at once; each file and its record are one transaction, so a failure leaves the
// files before it. Files that a newer release applied are left alone: release N-1 runs on the schema of release N.
// A file that changed after it was applied is refused, because databases would differ without a word.
// A file that begins with "-- no transaction" holds what PostgreSQL does only outside of one: migrate-steps.ts.
// Not here: when to migrate and with which role (main.ts; `sluice migrate`).
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "pg";
import { applySteps, stepsOf } from "./migrate-steps.ts";
import { connectPostgres, type PostgresOptions } from "./postgres.ts";

const MIGRATIONS_FOLDER = join(import.meta.dirname, "../../migrations");
const FILE_NAME = /^\d{4}_[a-z0-9_]+\.sql$/;
/** Any constant: instances agree on it. Held inside each migration's transaction. */
const MIGRATION_LOCK = 7_308_332_204;
/** How long one instance waits for another that migrates, and a migration for a table in use. */
const LOCK_TIMEOUT = "60s";

type Migration = Readonly<{ name: string; sql: string; sha256: string }>;

/** Applies what is missing; the names of the files that this call applied. */
export async function migrate(options: PostgresOptions, folder = MIGRATIONS_FOLDER): Promise<string[]> {
  const migrations = await readMigrations(folder);
  return await withConnection(options, async (client) => {
    const applied: string[] = [];
    for (const migration of migrations) {
      if (await applyOnce(client, migration)) applied.push(migration.name);
    }
    return applied;
  });
}

/** The names of the files that `migrate` would apply. */
export async function pendingMigrations(options: PostgresOptions, folder = MIGRATIONS_FOLDER): Promise<string[]> {
  const migrations = await readMigrations(folder);
  return await withConnection(options, async (client) => {
    const ledger = await client.query("select to_regclass('schema_migrations') is not null as exists");
    if (!ledger.rows[0]?.exists) return migrations.map(({ name }) => name);
    const { rows } = await client.query<{ name: string }>("select name from schema_migrations");
    const done = new Set(rows.map(({ name }) => name));
    return migrations.filter(({ name }) => !done.has(name)).map(({ name }) => name);
  });
}

/**
 * Gives the role that the service connects as what it needs, on every table there is, and nothing more: after `migrate`,
 * each time. Not for an owner or a superuser, from whom nothing can be withheld. Which rights: 0003_audit.sql.
 */
export async function grantServiceRights(options: PostgresOptions, serviceRole: string): Promise<void> {
  await withConnection(options, (client) => client.query("select grant_service_rights($1)", [serviceRole]));
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => FILE_NAME.test(name)).sort();
  return await Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), "utf8");
      return { name, sql, sha256: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

/** False when it was applied before. */
async function applyOnce(client: Client, migration: Migration): Promise<boolean> {
  const steps = stepsOf(migration);
  if (steps === null) return await inTransaction(client, () => applyAsOne(client, migration));
  return await applySteps(client, steps, {
    isApplied: () => inTransaction(client, () => isApplied(client, migration)),
    record: () => inTransaction(client, () => record(client, migration)),
  });
}

async function applyAsOne(client: Client, migration: Migration): Promise<boolean> {
  if (await isApplied(client, migration)) return false;
  await client.query(migration.sql);
  return await record(client, migration);
}

async function isApplied(client: Client, { name, sha256 }: Migration): Promise<boolean> {
  await client.query(
    "create table if not exists schema_migrations " +
      "(name text primary key, sha256 text not null, applied_at timestamptz not null default now())",
  );
  const { rows } = await client.query("select sha256 from schema_migrations where name = $1", [name]);
  if (rows.length > 0 && rows[0]?.sha256 !== sha256) {
    throw new Error(`${name} was changed after it was applied: restore it and write a new migration.`);
  }
  return rows.length > 0;
}

/** False when somebody else has recorded it. */
async function record(client: Client, { name, sha256 }: Migration): Promise<boolean> {
  const insert = "insert into schema_migrations (name, sha256) values ($1, $2) on conflict do nothing";
  return (await client.query(insert, [name, sha256])).rowCount === 1;
}

/** Alone among migrations. Locks of the transaction only: a pooler or the embedded server may share sessions. */
async function inTransaction<T>(client: Client, act: () => Promise<T>): Promise<T> {
  await client.query("begin");
  try {
    await client.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query("select pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    const result = await act();
    await client.query("commit");
    return result;
  } catch (fault) {
    await client.query("rollback").catch(() => undefined);
    throw fault;
  }
}

async function withConnection<T>(options: PostgresOptions, use: (client: Client) => Promise<T>): Promise<T> {
  const client = await connectPostgres(options);
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
