// Writes totals of usage and quotas to PostgreSQL, one statement for a chunk.
//
// Promise: for each row the greater sums win, so writing again, late, twice or in any order changes nothing. Rows are
// written in the order of their keys, so two writers never wait for each other in a circle. A month that is missing is
// opened on the way. Rows of a day that is folded stand in no sum: they go to usage_late and are counted in the answer.
// Only rows that may be of a folded day wait for a fold that is under way; nobody waits for those of the present day.
// What is harvested from the store knows nothing of what its owner retracted, and is written beside that; nothing of it is
// once the owner was heard of again.
// Not here: chunking, when, what to do while PostgreSQL is away (usage-snapshot.job.ts).
import { queryWithin } from "../platform/bounded-query.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import { openingMonths } from "./missing-month.pg.ts";
import { NOTE_GENERATIONS, OWED_RESTORES, type OwedRestore } from "./quota-generations.pg.ts";
import type { QuotaTotal, UsageTotal } from "./total-rows.ts";

/** Serialised in about a millisecond. */
export const MAX_TOTALS = 500;

const USAGE_KEY = "tenant_id, day_label, user_id, api_key, source, incarnation";
const USAGE_COLUMNS = "tenant_id, day_label, user_id, api, source, incarnation, total, retracted";
const KEEP_GREATER = `do update set
    total = greatest(known.total, excluded.total), retracted = greatest(known.retracted, excluded.retracted)
    where known.total < excluded.total or known.retracted < excluded.retracted`;

const KEEP_GREATER_HARVEST = `do update set total = known.retracted + excluded.total
    where known.total < known.retracted + excluded.total`;
const EVERYBODY = "writer as (select)";
/** Waits for its beat, and that waits for us. */
const THE_SILENT = `writer as materialized (
  select from usage_writers where incarnation = $9
    and (ended = 'HARVESTED' or (ended is null and flushed_at < now() - $10 * interval '1 ms'))
  for share
)`;

const writingUsage = (writer: string, keepGreater: string) => `
with ${writer}, incoming as materialized (
  select tenant_id, day_label, user_id, api, source, incarnation, max(total) as total, max(retracted) as retracted
  from unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])
    as row (${USAGE_COLUMNS})
  where exists (select from writer)
  group by 1, 2, 3, 4, 5, 6
), folds as materialized (
  select folded_through from usage_folds
  -- A day of margin: this statement may have begun before midnight, and a fold after it.
  where exists (select from incoming where day_label <= (select first_open_day()))
  for share
), late as (
  insert into usage_late as known (${USAGE_COLUMNS})
  select ${USAGE_COLUMNS} from incoming where day_label <= (select folded_through from folds)
  order by tenant_id, day_label, user_id, api, source, incarnation
  on conflict (${USAGE_KEY}) ${keepGreater}
), written as (
  insert into usage_rows as known (${USAGE_COLUMNS})
  select ${USAGE_COLUMNS} from incoming where day_label > coalesce((select folded_through from folds), 0)
  order by tenant_id, day_label, user_id, api, source, incarnation
  on conflict (${USAGE_KEY}) ${keepGreater}
)
select count(*) as late from incoming where day_label <= (select folded_through from folds)`;
const WRITE_USAGE = writingUsage(EVERYBODY, KEEP_GREATER);
const WRITE_HARVEST = writingUsage(THE_SILENT, KEEP_GREATER_HARVEST);

const QUOTA_COLUMNS =
  "tenant_id, day_label, quota_window, scope, api, user_id, source, incarnation, generation, total, retracted";

const WRITE_QUOTAS = `
with incoming as materialized (
  select tenant_id, day_label, quota_window, scope, api, user_id, source, incarnation, generation,
    max(total) as total, max(retracted) as retracted
  from unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::bigint[], $10::bigint[], $11::bigint[]) as row (${QUOTA_COLUMNS})
  group by 1, 2, 3, 4, 5, 6, 7, 8, 9
), written as (
  insert into quota_rows as known (${QUOTA_COLUMNS})
  select ${QUOTA_COLUMNS} from incoming
  order by tenant_id, day_label, quota_window, scope, api, user_id, source, incarnation, generation
  on conflict (tenant_id, day_label, quota_window, counter_key, source, incarnation, generation) ${KEEP_GREATER}
), ${NOTE_GENERATIONS}
${OWED_RESTORES}`;

/** At most MAX_TOTALS rows. `late` = how many of them are of folded days. */
export async function writeUsageTotals(
  pool: RebuildablePool,
  rows: readonly UsageTotal[],
  timeoutMs: number,
): Promise<{ late: number }> {
  return await writeUsageBy(pool, rows, timeoutMs, WRITE_USAGE, []);
}

/** What the store has of a writer; at most MAX_TOTALS rows. */
export type Harvested = Readonly<{ incarnation: string; rows: readonly UsageTotal[]; silentForMs: number }>;

/** Nothing is written of a writer that was heard of within `silentForMs`. */
export async function writeHarvest(
  pool: RebuildablePool,
  { incarnation, rows, silentForMs }: Harvested,
  timeoutMs: number,
): Promise<void> {
  await writeUsageBy(pool, rows, timeoutMs, WRITE_HARVEST, [incarnation, silentForMs]);
}

async function writeUsageBy(
  pool: RebuildablePool,
  rows: readonly UsageTotal[],
  timeoutMs: number,
  text: string,
  more: readonly unknown[],
): Promise<{ late: number }> {
  refuseTooMany(rows);
  if (rows.length === 0) return { late: 0 };
  const columns = columnsOf(rows, ({ tenant, dayLabel, user, usageApi, source, incarnation, total, retracted }) => [
    ...[tenant, dayLabel, user, usageApi, source, incarnation, total, retracted],
  ]);
  const days = rows.map(({ dayLabel }) => dayLabel);
  return await openingMonths(pool, ["usage_rows", "usage_late"], days, async () => {
    const [answer] = await queryWithin<{ late: number }>(pool, timeoutMs, text, [...columns, ...more]);
    return { late: answer?.late ?? 0 };
  });
}

/** At most MAX_TOTALS rows. Which of their tenants are owed a restore now. */
export async function writeQuotaTotals(
  pool: RebuildablePool,
  rows: readonly QuotaTotal[],
  timeoutMs: number,
): Promise<OwedRestore[]> {
  refuseTooMany(rows);
  if (rows.length === 0) return [];
  const columns = columnsOf(rows, (row) => [
    ...[row.tenant, firstDayOf(row), row.window, row.scope, row.api ?? "", row.user ?? ""],
    ...[row.source, row.incarnation, row.generation, row.total, row.retracted],
  ]);
  return await openingMonths(pool, ["quota_rows"], rows.map(firstDayOf), () =>
    queryWithin<OwedRestore>(pool, timeoutMs, WRITE_QUOTAS, columns),
  );
}

/** Of the row's period: what puts it into its month. */
function firstDayOf({ window, label }: QuotaTotal): number {
  return window === "month" ? label * 100 + 1 : label;
}

type Values = readonly (string | number)[];

/** One array for each column, which PostgreSQL turns into rows again. */
function columnsOf<Row>(rows: readonly Row[], valuesOf: (row: Row) => Values): (string | number)[][] {
  const columns: (string | number)[][] = [];
  for (const row of rows) {
    for (const [index, value] of valuesOf(row).entries()) {
      columns[index] ??= [];
      columns[index].push(value);
    }
  }
  return columns;
}

function refuseTooMany(rows: readonly unknown[]): void {
  if (rows.length > MAX_TOTALS) throw new RangeError(`Write at most ${MAX_TOTALS} totals at once, not ${rows.length}.`);
}
