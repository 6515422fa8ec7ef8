// Adds folded refusals to PostgreSQL: to the record of limit hits, and to the day's sums that usage reports read.
//
// Adding is not idempotent, so each chunk carries its writer (one start of one process) and a number that grows, and one
// statement adds the chunk exactly when it moves the writer's row to that number. A chunk whose answer was lost is sent
// again under its number: it is added once, whether it had arrived or not. The price is one small row for each process.
// The row of a writer that was silent for a week is removed: only a chunk repeated after such a silence would count twice.
// Lines are written in the order of their keys, so two processes never wait for each other in a circle.
// Of a day that was folded before (usage/fold-day.pg.ts) they are added to its sums, too: a report says the same either way.
import { queryWithin } from "../platform/bounded-query.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import type { LimitHitLine } from "./limit-hit.ts";

export type LimitHitChunk = Readonly<{ writer: string; sequence: number; lines: readonly LimitHitLine[] }>;

const ADD = `
with fresh as (
  insert into limit_hit_writers (writer, sequence) values ($1, $2)
  on conflict (writer) do update set sequence = excluded.sequence, written_at = now()
    where limit_hit_writers.sequence < excluded.sequence
  returning sequence
), lines as (
  select * from json_to_recordset($3::json) as line (tenant text, "minuteMs" bigint, "dayLabel" integer, "user" text,
    api text, reason text, "window" text, "policyId" text, scope text, hits bigint, cost bigint, "firstMs" bigint,
    "lastMs" bigint)
  where exists (select from fresh)
), folds as materialized (
  select folded_through from usage_folds
  where exists (select from lines where "dayLabel" <= (select first_open_day()))
  for share
), late as (
  insert into tenant_days as known (tenant_id, day_label, used, denied)
  select tenant, "dayLabel", 0, sum(hits)::bigint from lines
  where "dayLabel" <= (select folded_through from folds) group by 1, 2 order by 1, 2
  on conflict (tenant_id, day_label) do update set denied = known.denied + excluded.denied
), denied as (
  insert into denied_rows as known (tenant_id, day_label, user_id, api, denied)
  select tenant, "dayLabel", "user", api, sum(hits)::bigint from lines group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (tenant_id, day_label, user_id, api_key) do update set denied = known.denied + excluded.denied
)
insert into limit_hits as known (tenant_id, minute_at, day_label, user_id, api, reason, limit_window, policy_id, scope,
  hits, cost, first_at, last_at)
select tenant, to_timestamp("minuteMs" / 1000.0), "dayLabel", "user", api, reason, coalesce("window", ''),
  coalesce("policyId", ''), coalesce(scope, ''), hits, cost, to_timestamp("firstMs" / 1000.0),
  to_timestamp("lastMs" / 1000.0)
from lines
order by 1, 2, 3, 4, 5, 6, 7, 8, 9
on conflict (tenant_id, minute_at, line_key, day_label) do update set
  hits = known.hits + excluded.hits,
  cost = known.cost + excluded.cost,
  first_at = least(known.first_at, excluded.first_at),
  last_at = greatest(known.last_at, excluded.last_at)`;

/** Adds the chunk once, however often it is called with it. Rejects when that is not known to have happened. */
export async function addLimitHits(pool: RebuildablePool, chunk: LimitHitChunk, timeoutMs: number): Promise<void> {
  await queryWithin(pool, timeoutMs, ADD, [chunk.writer, chunk.sequence, JSON.stringify(chunk.lines)]);
}

export async function forgetWriters(pool: RebuildablePool, timeoutMs: number): Promise<void> {
  await queryWithin(pool, timeoutMs, "delete from limit_hit_writers where written_at < now() - interval '7 days'");
}
