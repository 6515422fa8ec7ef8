// Folds a day that is closed: one final row for each user, API and source instead of one for each incarnation, and the
// sums of each tenant for the reports.
//
// Promise: a day is folded whole or not at all, by one at a time, and only after every writer that was alive in it has
// written past its end, or has ended. A row that is written meanwhile either is in the sums or comes late
// (write-totals.pg.ts): both hold the row of usage_folds. No total changes.
// Not here: when, and which day is next in time (fold.job.ts).
import type { PoolClient } from "pg";
import { queryWithin } from "../platform/bounded-query.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import { bounded } from "../platform/postgres.ts";
import { openingMonths } from "./missing-month.pg.ts";

/** Any constant: instances agree on it. */
const FOLD_LOCK = 7_308_332_213;
/** Of each statement: a day of a few million rows. */
const TIMEOUT_MS = 120_000;

/** `waits`: a writer may still have rows of that day. `passed`: another instance is at it, or it is folded already. */
export type Folded = "folded" | "waits" | "passed";

const MAY_FOLD = `
select pg_try_advisory_xact_lock(${FOLD_LOCK}) as "isAlone",
  exists (select from usage_writers where ended is null and first_open_day(flushed_at) <= $1) as "mustWait"`;

const FOLD_INCARNATIONS = `
with folded as (delete from usage_rows where day_label = $1 returning *)
insert into usage_rows (tenant_id, day_label, user_id, api, incarnation, source, total, retracted)
select tenant_id, day_label, user_id, api, 'final', source, sum(total)::bigint, sum(retracted)::bigint
from folded group by tenant_id, day_label, user_id, api, source
order by tenant_id, day_label, user_id, api, source`;

const ADD_UP = `
insert into tenant_days (tenant_id, day_label, used, denied)
select tenant_id, $1, sum(used)::bigint, sum(denied)::bigint
from (
  select tenant_id, total - retracted as used, 0 as denied from usage_rows where day_label = $1
  union all
  select tenant_id, 0 as used, denied from denied_rows where day_label = $1
) as parts
group by tenant_id order by tenant_id
on conflict (tenant_id, day_label) do update set used = excluded.used, denied = excluded.denied`;

export async function foldDay(pool: RebuildablePool, day: number): Promise<Folded> {
  return await openingMonths(pool, ["tenant_days"], [day], async () => {
    const client = await pool.connect();
    try {
      await client.query("begin");
      const outcome = await fold(client, day);
      await client.query("commit");
      client.release();
      return outcome;
    } catch (fault) {
      client.release(true);
      throw fault;
    }
  });
}

async function fold(client: PoolClient, day: number): Promise<Folded> {
  const ask = (text: string) => client.query(bounded(TIMEOUT_MS, text, [day]));
  const may = (await ask(MAY_FOLD)).rows[0];
  if (!may?.isAlone) return "passed";
  if (may.mustWait) return "waits";
  // First of all: from here on whoever writes rows of old days waits for us, and what was written before is seen.
  const isNext = await ask("update usage_folds set folded_through = $1 where coalesce(folded_through, 0) < $1");
  if (isNext.rowCount !== 1) return "passed";
  await ask(FOLD_INCARNATIONS);
  await ask(ADD_UP);
  return "folded";
}

/** `foldedThrough` null: no day is folded yet. By the database's clock. */
export async function readFolds(
  pool: RebuildablePool,
): Promise<Readonly<{ foldedThrough: number | null; firstOpenDay: number }>> {
  const text = 'select folded_through as "foldedThrough", first_open_day() as "firstOpenDay" from usage_folds';
  const [row] = await queryWithin<{ foldedThrough: number | null; firstOpenDay: number }>(pool, TIMEOUT_MS, text);
  if (row === undefined) throw new Error("The table usage_folds has lost its one row: restore the database.");
  return row;
}

/** The first day that has rows; null when there are none. Reads all of them: only for the first fold of a database. */
export async function readOldestDay(pool: RebuildablePool): Promise<number | null> {
  const text = `
    select least((select min(day_label) from usage_rows), (select min(day_label) from denied_rows)) as "oldestDay"`;
  const [row] = await queryWithin<{ oldestDay: number | null }>(pool, TIMEOUT_MS, text);
  return row?.oldestDay ?? null;
}
