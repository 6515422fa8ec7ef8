// Where windows begin and end: buckets of the sliding ones, calendar days and months in a zone. Pure.
// Written apart from the service's own arithmetic, from the words of the product's contract.
import type { Window } from "@sluice/contract";

const DAY_MS = 86_400_000;
export const SLIDING_MS: Readonly<Partial<Record<Window, number>>> = { second: 1_000, minute: 60_000, day: DAY_MS };

/** From its first instant to the first of the next. `previousStartMs` is null where the one before has no weight. */
export type Period = Readonly<{ startMs: number; endMs: number; previousStartMs: number | null }>;

export function periodAt(window: Window, zone: string, atMs: number): Period {
  const lengthMs = SLIDING_MS[window];
  if (lengthMs === undefined) return calendarPeriodAt(window === "month" ? "month" : "day", zone, atMs);
  const startMs = Math.floor(atMs / lengthMs) * lengthMs;
  return { startMs, endMs: startMs + lengthMs, previousStartMs: startMs - lengthMs };
}

/** The share of the bucket before that still weighs at `atMs`, 0..1. */
export function weightOfPrevious({ startMs, endMs, previousStartMs }: Period, atMs: number): number {
  if (previousStartMs === null) return 0;
  return Math.min(1, Math.max(0, (endMs - atMs) / (endMs - startMs)));
}

export function isQuota(window: Window): boolean {
  return SLIDING_MS[window] === undefined;
}

/** A run lies within a few periods, and Temporal is slow: the last ones are kept. */
const known = new Map<string, Period[]>();

function calendarPeriodAt(unit: "day" | "month", zone: string, atMs: number): Period {
  const name = `${unit} ${zone}`;
  const ofName = known.get(name) ?? [];
  known.set(name, ofName);
  const remembered = ofName.find(({ startMs, endMs }) => atMs >= startMs && atMs < endMs);
  if (remembered !== undefined) return remembered;
  const date = Temporal.Instant.fromEpochMilliseconds(Math.floor(atMs)).toZonedDateTimeISO(zone).toPlainDate();
  const first = unit === "day" ? date : date.with({ day: 1 });
  const next = first.add(unit === "day" ? { days: 1 } : { months: 1 });
  // The first instant of the local date, where midnight does not exist, too.
  const startOf = (day: Temporal.PlainDate) => day.toZonedDateTime(zone).epochMilliseconds;
  const period = { startMs: startOf(first), endMs: startOf(next), previousStartMs: null };
  ofName.push(period);
  return period;
}
