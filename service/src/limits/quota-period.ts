// Calendar periods of a time zone: the day and the month that hold an instant, with their neighbours.
// A day begins at the first instant of its local date, so DST days have 23 or 25 hours, a missing midnight begins late,
// and a date that a zone skipped has no period at all. Pure: Temporal's zone data is the only input beside the arguments.

/** `label` 20261122 or 202611; `startMs` inclusive, `endMs` exclusive, UTC milliseconds, whole seconds. */
export type Period = Readonly<{ label: number; startMs: number; endMs: number }>;
export type PeriodNeighbours = Readonly<{ previous: Period; current: Period; next: Period }>;
/** What a take needs to know of the calendar. Valid for instants in [validFromMs, validUntilMs): the current day. */
export type Periods = Readonly<{ day: PeriodNeighbours; month: PeriodNeighbours }>;

/** The periods around `nowMs` in `timeZone` (IANA). Throws RangeError on an unknown zone. */
export function periodsAt(timeZone: string, nowMs: number): Periods {
  return { day: neighbours(dayAt, timeZone, nowMs), month: neighbours(monthAt, timeZone, nowMs) };
}

/** The period of `periods` that holds `nowMs`, or null when the instant lies outside all three. */
export function periodHolding(periods: PeriodNeighbours, nowMs: number): Period | null {
  if (nowMs >= periods.current.startMs && nowMs < periods.current.endMs) return periods.current;
  if (nowMs >= periods.next.startMs && nowMs < periods.next.endMs) return periods.next;
  if (nowMs >= periods.previous.startMs && nowMs < periods.previous.endMs) return periods.previous;
  return null;
}

type PeriodAt = (timeZone: string, nowMs: number) => Period;

function neighbours(at: PeriodAt, timeZone: string, nowMs: number): PeriodNeighbours {
  const current = at(timeZone, nowMs);
  return { previous: at(timeZone, current.startMs - 1), current, next: at(timeZone, current.endMs) };
}

function dayAt(timeZone: string, nowMs: number): Period {
  const date = dateAt(timeZone, nowMs);
  const startMs = firstInstant(date, timeZone);
  let after = date.add({ days: 1 });
  // A skipped date has no instant of its own: its "first instant" is that of the date after it, or this date's own.
  while (firstInstant(after, timeZone) <= startMs) after = after.add({ days: 1 });
  return { label: date.year * 10_000 + date.month * 100 + date.day, startMs, endMs: firstInstant(after, timeZone) };
}

function monthAt(timeZone: string, nowMs: number): Period {
  const first = dateAt(timeZone, nowMs).with({ day: 1 });
  const startMs = firstInstant(first, timeZone);
  const endMs = firstInstant(first.add({ months: 1 }), timeZone);
  return { label: first.year * 100 + first.month, startMs, endMs };
}

function dateAt(timeZone: string, nowMs: number): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(timeZone).toPlainDate();
}

function firstInstant(date: Temporal.PlainDate, timeZone: string): number {
  return date.toZonedDateTime(timeZone).epochMilliseconds;
}
