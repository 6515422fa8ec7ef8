// Days and months of a report: labels (20261122, 202611), their text ("2026-11-22", "2026-11") and their order. Pure.
// They are dates on a calendar, without zone or instant. Not here: which one holds an instant (limits/quota-period.ts).

export type PeriodKind = "day" | "month";

/** Null when `text` is no date, or no month, of that form. */
export function parsePeriod(kind: PeriodKind, text: string): number | null {
  if (!(kind === "day" ? /^\d{4}-\d\d-\d\d$/ : /^\d{4}-\d\d$/).test(text)) return null;
  try {
    return labelOf(kind, Temporal.PlainDate.from(kind === "day" ? text : `${text}-01`, { overflow: "reject" }));
  } catch {
    return null;
  }
}

export function periodText(kind: PeriodKind, label: number): string {
  const date = dateOf(kind, label).toString();
  return kind === "day" ? date : date.slice(0, 7);
}

/** The month of a day or a month. */
export function monthOf(kind: PeriodKind, label: number): number {
  return kind === "day" ? Math.floor(label / 100) : label;
}

/** How many periods there are from `from` to `to`, both included; less than 1 when `to` comes first. */
export function countPeriods(kind: PeriodKind, from: number, to: number): number {
  const [first, last] = [dateOf(kind, from), dateOf(kind, to)];
  return 1 + (kind === "day" ? first.until(last).days : first.until(last, { largestUnit: "months" }).months);
}

/** Every label from `from` to `to`, both included. */
export function periodsBetween(kind: PeriodKind, from: number, to: number): number[] {
  const labels: number[] = [];
  const step = kind === "day" ? { days: 1 } : { months: 1 };
  for (let date = dateOf(kind, from); labelOf(kind, date) <= to; date = date.add(step)) {
    labels.push(labelOf(kind, date));
  }
  return labels;
}

/** The label of the period `count` before this one. */
export function periodsBefore(kind: PeriodKind, label: number, count: number): number {
  return labelOf(kind, dateOf(kind, label).subtract(kind === "day" ? { days: count } : { months: count }));
}

function dateOf(kind: PeriodKind, label: number): Temporal.PlainDate {
  const day = kind === "day" ? label : label * 100 + 1;
  return Temporal.PlainDate.from({
    year: Math.floor(day / 10_000),
    month: Math.floor(day / 100) % 100,
    day: day % 100,
  });
}

function labelOf(kind: PeriodKind, { year, month, day }: Temporal.PlainDate): number {
  return kind === "day" ? year * 10_000 + month * 100 + day : year * 100 + month;
}
