// Remembers the calendar periods of each time zone, because asking Temporal for them costs about 100 µs.
// A zone's periods are computed anew when the instant leaves its current day, in either direction.
// Not here: what a period is (quota-period.ts), or the clock: the caller brings the instant.
import { type Periods, periodsAt } from "./quota-period.ts";

export interface Calendar {
  /** The periods around `nowMs` (UTC ms) in `timeZone` (IANA). Throws RangeError on an unknown zone. */
  periods(timeZone: string, nowMs: number): Periods;
}

/** There are about 600 IANA names; beyond this the memory starts over. */
export const MAX_REMEMBERED_ZONES = 1_024;

export function createCalendar(): Calendar {
  const remembered = new Map<string, Periods>();
  return {
    periods(timeZone, nowMs) {
      const known = remembered.get(timeZone);
      if (known !== undefined && nowMs >= known.day.current.startMs && nowMs < known.day.current.endMs) return known;
      const periods = periodsAt(timeZone, nowMs);
      if (known === undefined && remembered.size >= MAX_REMEMBERED_ZONES) remembered.clear();
      remembered.set(timeZone, periods);
      return periods;
    },
  };
}
