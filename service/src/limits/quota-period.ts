// Calendar periods of a time zone: the day and the month that hold an instant, with their neighbours.
// A day begins at the first instant of its local date, so DST days have 23 or 25 hours, a missing midnight begins late,
// and a date that a zone skipped has no period at all. Pure: Temporal's zone data is the only input beside the arguments.

/** `label` 20261122 or 202611; `startMs` inclusive, `endMs` exclusive, UTC milliseconds, whole seconds. */
export type Period = Readonly<{ label: number; startMs: number; endMs: number }>;
export type PeriodNeighbours = Readonly<{ previous: Period; current: Period; next: Period }>;
/** What a take needs to know of the calendar. Neighbours adjoin: each begins at the instant the one before it ends. */
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
  const date = dateHolding(timeZone, nowMs);
  return {
    label: date.year * 10_000 + date.month * 100 + date.day,
    startMs: firstInstant(date, timeZone),
    endMs: firstInstant(date.add({ days: 1 }), timeZone),
  };
}

function monthAt(timeZone: string, nowMs: number): Period {
  const first = dateHolding(timeZone, nowMs).with({ day: 1 });
  return {
    label: first.year * 100 + first.month,
    startMs: firstInstant(first, timeZone),
    endMs: firstInstant(first.add({ months: 1 }), timeZone),
  };
}

/**
 * The date whose day holds the instant: its local date, except where a zone set its clock back over a midnight that had
 * already begun the next day (St. John's until 2011, 00:01 back to 23:01): that hour belongs to the day already begun.
 */
function dateHolding(timeZone: string, nowMs: number): Temporal.PlainDate {
  const date = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(timeZone).toPlainDate();
  const following = date.add({ days: 1 });
  return firstInstant(following, timeZone) <= nowMs ? following : date;
}

/** Of a date that the zone skipped: the first instant after the gap, which begins the next date. */
function firstInstant(date: Temporal.PlainDate, timeZone: string): number {
  return date.toZonedDateTime(timeZone).epochMilliseconds;
}
