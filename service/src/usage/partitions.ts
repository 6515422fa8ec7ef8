// Which months the tables of usage, quotas and limit hits hold. Pure.
// A partition's month is that of dates in tenants' zones, which run up to 14 hours ahead of UTC and 12 behind.

const DAY_MS = 86_400_000;

/** Whole months of usage before the present one; days of limit hits, rounded up to whole months. */
export type Retention = Readonly<{ usageMonths: number; limitHitDays: number }>;

/** Months of quotas before the present one: a period is restored while it is open, and a little longer. */
const QUOTA_MONTHS = 1;

export const MONTHLY_TABLES = [
  "usage_rows",
  "denied_rows",
  "tenant_days",
  "usage_late",
  "quota_rows",
  "limit_hits",
] as const;
export type MonthlyTable = (typeof MONTHLY_TABLES)[number];

/** Every month that some zone is in now, and the next: it is there before anybody needs it. */
export function monthsToOpen(nowMs: number): number[] {
  const ahead = utcDate(nowMs + DAY_MS);
  const months = [utcDate(nowMs - DAY_MS), ahead, ahead.with({ day: 1 }).add({ months: 1 })].map(monthLabel);
  return [...new Set(months)];
}

/** The oldest month that is kept. */
export function oldestMonth(table: MonthlyTable, nowMs: number, retention: Retention): number {
  // A day earlier than UTC's: that is the date of the zones furthest behind.
  const today = utcDate(nowMs - DAY_MS);
  if (table === "limit_hits") return monthLabel(today.subtract({ days: retention.limitHitDays }));
  const months = table === "quota_rows" ? QUOTA_MONTHS : retention.usageMonths;
  return monthLabel(today.with({ day: 1 }).subtract({ months }));
}

function utcDate(atMs: number): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO("UTC").toPlainDate();
}

function monthLabel({ year, month }: Temporal.PlainDate): number {
  return year * 100 + month;
}
