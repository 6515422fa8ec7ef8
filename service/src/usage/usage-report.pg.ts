// Reads usage reports: what was used and what was refused, by day or month, tenant, user or API.
//
// Piece by piece: each statement names days of one month as constants, so it touches that partition alone, and a page that
// is full reads no further. Within a piece each table is added up by the keys of the report, as far as the page needs, then
// they are joined by adding once more: a caller who was only ever refused has a row too. Paging is by key, so a page costs
// the same wherever it begins.
// Promise: usage of a row is the sum over incarnations and sources. Whole tenants' folded days are read where they are
// added up already; the answer is the same. Not here: zones (labels are dates already), who may read what (the door).
import { type Kysely, type RawBuilder, sql } from "kysely";
import { Refusal } from "../platform/refusal.ts";
import { storedUser } from "./special-users.ts";
import { countPeriods, monthOf, periodsBetween } from "./usage-period.ts";
import {
  type DayRange,
  fillGaps,
  isOfTenants,
  rangesOf,
  seriesOf,
  splitAt,
  type UsageKey,
  type UsageReport,
  type UsageReportRow,
} from "./usage-series.ts";
import type { UsageTables } from "./usage-tables.ts";

/** A report costs at most a statement for each period of its range. */
const MOST_PERIODS = { day: 400, month: 120 } as const;

/** At most `limit` rows after `after`, in the order of their keys. Refused for a range that is empty or too long. */
export async function readUsage(
  db: Kysely<UsageTables>,
  report: UsageReport,
  page: Readonly<{ after: UsageKey | null; limit: number }>,
): Promise<UsageReportRow[]> {
  refuseRange(report);
  const series = seriesOf(report);
  if (series === null) return await readPieces(db, report, page.after, page.limit);
  const periods = periodsBetween(report.kind, report.from, report.to)
    .filter((period) => period > (page.after?.period ?? 0))
    .slice(0, page.limit);
  const [from, to] = [periods[0], periods.at(-1)];
  if (from === undefined || to === undefined) return [];
  return fillGaps(periods, series, await readPieces(db, { ...report, from, to }, null, periods.length));
}

function refuseRange({ kind, from, to }: UsageReport): void {
  const periods = countPeriods(kind, from, to);
  if (periods >= 1 && periods <= MOST_PERIODS[kind]) return;
  throw new Refusal("OUT_OF_RANGE", `Ask for at least one and at most ${MOST_PERIODS[kind]} ${kind}s: from, then to.`);
}

async function readPieces(
  db: Kysely<UsageTables>,
  report: UsageReport,
  after: UsageKey | null,
  limit: number,
): Promise<UsageReportRow[]> {
  // A day that is folded after this was read has the same sums in usage_rows as before.
  const foldedThrough = isOfTenants(report) ? await readFoldedThrough(db) : null;
  const found: UsageReportRow[] = [];
  for (const days of rangesOf(report, after)) {
    if (found.length >= limit) break;
    const query = pieceQuery(report, { days, foldedThrough }, after, limit - found.length);
    found.push(...(await query.execute(db)).rows);
  }
  return found;
}

async function readFoldedThrough(db: Kysely<UsageTables>): Promise<number | null> {
  const row = await db.selectFrom("usage_folds").select("folded_through").executeTakeFirst();
  return row?.folded_through ?? null;
}

type Piece = Readonly<{ days: DayRange; foldedThrough: number | null }>;

function pieceQuery(
  report: UsageReport,
  { days, foldedThrough }: Piece,
  after: UsageKey | null,
  limit: number,
): RawBuilder<UsageReportRow> {
  const keys = keysOf(report, days.month, after);
  const columns = sql.join(keys.map(({ column }) => sql.ref(column)));
  const within = (range: DayRange) => {
    const where = sql.join(conditions(report, keys, range), sql` and `);
    return sql`where ${where} group by ${columns} order by ${columns} limit ${sql.lit(limit)}`;
  };
  const { folded, open } = splitAt(days, foldedThrough);
  const parts: RawBuilder<unknown>[] = [];
  if (folded !== null) {
    parts.push(sql`
      (select ${columns}, sum(used) as total, sum(denied) as denied from tenant_days ${within(folded)})`);
  }
  if (open !== null) {
    parts.push(
      sql`
      (select ${columns}, sum(total - retracted) as total, 0 as denied from usage_rows ${within(open)})`,
      sql`
      (select ${columns}, 0 as total, sum(denied) as denied from denied_rows ${within(open)})`,
    );
  }
  return sql<UsageReportRow>`
    select ${periodColumn(report, days.month)} as period, tenant_id as tenant, ${memberColumn(report)} as member,
      sum(total)::bigint as total, sum(denied)::bigint as denied
    from (${sql.join(parts, sql` union all`)}
    ) as parts
    group by ${columns} order by ${columns} limit ${sql.lit(limit)}`;
}

type KeyColumn = Readonly<{ column: string; after: string | number | null }>;

/** What rows are told apart by within one month, in order, with what the page begins after. */
function keysOf({ kind, groupBy }: UsageReport, month: number, after: UsageKey | null): KeyColumn[] {
  const begins = after !== null && monthOf(kind, after.period) === month ? after : null;
  const tenant = { column: "tenant_id", after: begins?.tenant ?? null };
  const day = { column: "day_label", after: begins?.period ?? null };
  const member = { column: groupBy === "api" ? "api" : "user_id", after: begins?.member ?? null };
  return [...(kind === "day" ? [day] : []), tenant, ...(groupBy === "tenant" ? [] : [member])];
}

function periodColumn({ kind }: UsageReport, month: number): RawBuilder<unknown> {
  return kind === "day" ? sql.ref("day_label") : sql.lit(month);
}

function memberColumn({ groupBy }: UsageReport): RawBuilder<unknown> {
  return groupBy === "tenant" ? sql.lit("") : sql.ref(groupBy === "api" ? "api" : "user_id");
}

function conditions(
  { tenant, user, api }: UsageReport,
  keys: readonly KeyColumn[],
  { first, last }: DayRange,
): RawBuilder<unknown>[] {
  const all = [sql`day_label between ${sql.lit(first)} and ${sql.lit(last)}`];
  if (tenant !== null) all.push(sql`tenant_id = ${tenant}`);
  if (user !== null) all.push(sql`user_id = ${storedUser(user)}`);
  if (api !== null) all.push(sql`api = ${api}`);
  if (keys[0] !== undefined && keys[0].after !== null) {
    const columns = sql.join(keys.map(({ column }) => sql.ref(column)));
    all.push(sql`(${columns}) > (${sql.join(keys.map(({ after }) => after))})`);
  }
  return all;
}
