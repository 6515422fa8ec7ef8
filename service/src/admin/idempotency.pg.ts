// Idempotency-Key: the answer to a change is kept with the change, and given again to the same request.
//
// The key belongs to an actor and a route (draft-ietf-httpapi-idempotency-key-header). While the first request runs, its
// transaction holds an advisory lock, so there is no row "running" that a crash could leave behind.
// Promise: of any number of equal requests at once, on any instances, at most one changes something.
import { type Kysely, sql, type Transaction } from "kysely";
import { Refusal } from "../platform/refusal.ts";
import type { AdminTables } from "./admin-tables.ts";

/** Expired rows removed by each new one, so that the table does not grow without a job. */
const SWEPT_ROWS = 20;
const KEPT_HOURS = 24;

export type IdempotentRequest = Readonly<{ actor: string; route: string; key: string; sha256: string }>;
export type KeptAnswer = Readonly<{
  status: number;
  body: string | null;
  etag: string | null;
  location: string | null;
}>;

/** The answer given before; null = this request is the first. Held until the end of the transaction. */
export async function claimIdempotencyKey(
  transaction: Transaction<AdminTables>,
  { actor, route, key, sha256 }: IdempotentRequest,
): Promise<KeptAnswer | null> {
  const name = `idempotency:${actor}:${route}:${key}`;
  const claimed = await sql<{ held: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as held`.execute(transaction);
  if (claimed.rows[0]?.held !== true) {
    throw new Refusal(
      "IDEMPOTENCY_KEY_IN_PROGRESS",
      "The first request with this Idempotency-Key has not ended yet: ask again in a moment.",
      { retryAfterMs: 1_000 },
    );
  }
  const kept = await transaction
    .selectFrom("idempotency_keys")
    .select(["request_sha256", "status", "body", "etag", "location"])
    .where("actor", "=", actor)
    .where("route", "=", route)
    .where("key", "=", key)
    .where("created_at", ">", sql<Date>`now() - make_interval(hours => ${KEPT_HOURS})`)
    .executeTakeFirst();
  if (kept === undefined) return null;
  if (kept.request_sha256 !== sha256) {
    throw new Refusal(
      "IDEMPOTENCY_KEY_REUSED",
      "This Idempotency-Key was sent with another request: send a new key with a new request.",
    );
  }
  return kept;
}

export async function keepAnswer(
  transaction: Transaction<AdminTables>,
  { actor, route, key, sha256 }: IdempotentRequest,
  answer: KeptAnswer,
): Promise<void> {
  await sweep(transaction);
  await transaction
    .insertInto("idempotency_keys")
    .values({ actor, route, key, request_sha256: sha256, ...answer })
    // Only an expired row can stand in the way.
    .onConflict((conflict) =>
      conflict
        .columns(["actor", "route", "key"])
        .doUpdateSet({ request_sha256: sha256, ...answer, created_at: sql`now()` }),
    )
    .execute();
}

/** Skips what others are sweeping: two changes never wait for each other here. */
async function sweep(database: Kysely<AdminTables>): Promise<void> {
  await sql`
    delete from idempotency_keys where ctid = any (array(
      select ctid from idempotency_keys where created_at < now() - make_interval(hours => ${KEPT_HOURS})
      order by created_at limit ${SWEPT_ROWS} for update skip locked
    ))`.execute(database);
}
