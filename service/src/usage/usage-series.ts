// What a usage report asks for and what it answers, apart from any database: rows, series without gaps, items. Pure.
// A report that can have only one row for each period is a series: periods in which nothing happened are rows of zeros.
// Any other report lists what there is, in the order of its keys. Not here: where the numbers come from
// (usage-report.pg.ts).
import { shownUser, storedUser } from "./special-users.ts";
import { monthOf, type PeriodKind, periodsBetween, periodText } from "./usage-period.ts";

export const GROUPINGS = ["tenant", "user", "api"] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** `tenant`, `user` and `api` narrow the report, null = all; a user as shown. `from` and `to` are labels, both included. */
export type UsageReport = Readonly<{
  kind: PeriodKind;
  tenant: string | null;
  user: string | null;
  api: string | null;
  from: number;
  to: number;
  groupBy: Grouping;
}>;

/** Unique within a report and its order. `member` is the user (as stored) or API; "" when grouped by tenant. */
export type UsageKey = Readonly<{ period: number; tenant: string; member: string }>;

/** `total` is a sum of cost, `denied` a number of checks. */
export type UsageReportRow = UsageKey & Readonly<{ total: number; denied: number }>;

export type UsageItem = Readonly<{
  tenantId: string;
  /** Null where the report adds up all users, or all APIs. */
  userId: string | null;
  api: string | null;
  period: string;
  total: number;
  denied: number;
}>;

/** The tenant and member of every row of a report that is one series; null when it is none. */
export function seriesOf({ tenant, user, api, groupBy }: UsageReport): Omit<UsageKey, "period"> | null {
  if (tenant === null) return null;
  if (groupBy === "tenant") return { tenant, member: "" };
  const member = groupBy === "api" ? api : user === null ? null : storedUser(user);
  return member === null ? null : { tenant, member };
}

/** Whether its rows are whole tenants, of whom folded days have the sums. */
export function isOfTenants({ user, api, groupBy }: UsageReport): boolean {
  return groupBy === "tenant" && user === null && api === null;
}

/** One row for each of `periods`, zeros where `rows` has none. */
export function fillGaps(
  periods: readonly number[],
  series: Omit<UsageKey, "period">,
  rows: readonly UsageReportRow[],
): UsageReportRow[] {
  const known = new Map(rows.map((row) => [row.period, row]));
  return periods.map((period) => known.get(period) ?? { period, ...series, total: 0, denied: 0 });
}

/** Day labels, both included, of one month. */
export type DayRange = Readonly<{ month: number; first: number; last: number }>;

/**
 * The pieces in which a report is read, from where the page begins: months, because a month is a partition; days when a
 * page of all tenants has enough in a few of them.
 */
export function* rangesOf(report: UsageReport, after: UsageKey | null): Generator<DayRange> {
  const { kind, tenant, to } = report;
  const from = after?.period ?? report.from;
  const byDay = kind === "day" && tenant === null;
  for (const piece of periodsBetween(
    byDay ? "day" : "month",
    byDay ? from : monthOf(kind, from),
    byDay ? to : monthOf(kind, to),
  )) {
    const month = monthOf(byDay ? "day" : "month", piece);
    // No month has a 32nd day, and nothing is stored under a date that is none.
    const whole = byDay ? { first: piece, last: piece } : { first: month * 100 + 1, last: month * 100 + 31 };
    if (kind === "month") yield { month, ...whole };
    else yield { month, first: Math.max(whole.first, from), last: Math.min(whole.last, to) };
  }
}

/** The days of a range that are folded, and those that are not; null = none. `foldedThrough` null: no day is folded. */
export function splitAt(
  days: DayRange,
  foldedThrough: number | null,
): Readonly<{ folded: DayRange | null; open: DayRange | null }> {
  const { first, last } = days;
  if (foldedThrough === null || foldedThrough < first) return { folded: null, open: days };
  if (foldedThrough >= last) return { folded: days, open: null };
  return { folded: { ...days, last: foldedThrough }, open: { ...days, first: foldedThrough + 1 } };
}

export function usageItem({ kind, user, api, groupBy }: UsageReport, row: UsageReportRow): UsageItem {
  return {
    tenantId: row.tenant,
    userId: groupBy === "user" ? shownUser(row.member) : user,
    api: groupBy === "api" ? row.member : api,
    period: periodText(kind, row.period),
    total: row.total,
    denied: row.denied,
  };
}
