// Counts tries at passwords in PostgreSQL, so that a restart or another instance gives no new ones.
//
// Promise: a try is counted before its password is looked at, under locks, so that tries at once cannot slip through
// between looking and counting; a process that dies meanwhile leaves it counted. A refused try writes nothing: it can
// neither prolong a delay nor fill the table. No PostgreSQL, no try: there is nobody to sign in without it either.
// Not here: how long the delays are (login-delays.ts).
import { hash } from "node:crypto";
import { type Kysely, sql, type Transaction } from "kysely";
import { Refusal } from "../platform/refusal.ts";
import type { AuthTables } from "./auth-tables.ts";
import { type AttemptKind, type Attempts, counted, FORGOTTEN_AFTER_MS, pardoned, waitMs } from "./login-delays.ts";

export type AttemptKey = Readonly<{ kind: AttemptKind; key: string }>;

/** `login` as it was typed, in lower case; it need not exist. */
export function attemptKeys(login: string, network: string, isFamiliar: boolean): AttemptKey[] {
  // All transactions lock in this order, that of the primary key.
  if (isFamiliar) return [{ kind: "FAMILIAR", key: hash("sha256", `${network} ${login}`) }];
  return [
    { kind: "ACCOUNT", key: hash("sha256", login) },
    { kind: "EVERYONE", key: "" },
    { kind: "NETWORK", key: network },
  ];
}

/** Counts one more try, or refuses it (TOO_MANY_ATTEMPTS, with the time to wait). */
export async function countAttempt(
  database: Kysely<AuthTables>,
  keys: readonly AttemptKey[],
  nowMs: number,
): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    const before = await lockAttempts(transaction, keys, nowMs);
    const wait = Math.max(...before.map(({ kind, attempts }) => waitMs(kind, attempts, nowMs)));
    if (wait > 0) throw tooMany(wait);
    await writeAttempts(
      transaction,
      before.map((row) => ({ ...row, attempts: counted(row.kind, row.attempts, nowMs) })),
    );
  });
}

/** After a right password. */
export async function pardonAttempt(
  database: Kysely<AuthTables>,
  keys: readonly AttemptKey[],
  nowMs: number,
): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    const before = await lockAttempts(transaction, keys, nowMs);
    await writeAttempts(
      transaction,
      before.map((row) => ({ ...row, attempts: pardoned(row.kind, row.attempts) })),
    );
  });
}

/** Removes what can delay nobody any more; how many. */
export async function forgetAttempts(database: Kysely<AuthTables>, nowMs: number): Promise<number> {
  const longAgo = new Date(nowMs - FORGOTTEN_AFTER_MS);
  const { numDeletedRows } = await database
    .deleteFrom("login_attempts")
    .where("last_at", "<", longAgo)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

type CountedAttempts = AttemptKey & Readonly<{ attempts: Attempts }>;

/** The rows, made where they are missing, locked in the order of `keys`. */
async function lockAttempts(
  transaction: Transaction<AuthTables>,
  keys: readonly AttemptKey[],
  nowMs: number,
): Promise<CountedAttempts[]> {
  const rows = await transaction
    .insertInto("login_attempts")
    .values(keys.map(({ kind, key }) => ({ kind, key, failures: 0, last_at: new Date(nowMs) })))
    // One statement that makes or locks each row in turn; DO NOTHING would lock none of those that are there.
    .onConflict((conflict) => conflict.columns(["kind", "key"]).doUpdateSet({ kind: sql.ref("excluded.kind") }))
    .returning(["kind", "key", "failures", "last_at"])
    .execute();
  return rows.map(({ kind, key, failures, last_at }) => {
    return { kind, key, attempts: { failures, lastAtMs: last_at.getTime() } };
  });
}

/** Rows that are there and locked: an INSERT only because one statement then writes them all. */
async function writeAttempts(transaction: Transaction<AuthTables>, rows: readonly CountedAttempts[]): Promise<void> {
  const values = rows.map(({ kind, key, attempts }) => {
    return { kind, key, failures: attempts.failures, last_at: new Date(attempts.lastAtMs) };
  });
  await transaction
    .insertInto("login_attempts")
    .values(values)
    .onConflict((conflict) =>
      conflict
        .columns(["kind", "key"])
        .doUpdateSet({ failures: sql.ref("excluded.failures"), last_at: sql.ref("excluded.last_at") }),
    )
    .execute();
}

function tooMany(waitMs: number): Refusal {
  const seconds = Math.ceil(waitMs / 1_000);
  return new Refusal("TOO_MANY_ATTEMPTS", `Too many wrong passwords: try again in ${seconds} s.`, {
    retryAfterMs: waitMs,
  });
}
