// From when on the answers of the struck tenants are exact again. Pure.
//
// The answer is the first instant after which, for a second, every answer was one of the counters. A single late Fallback
// answer after that is not a second outage.
import { type Entry, endedMs } from "../journal/entry.ts";
import { isExact } from "./answers.ts";

/** So long, and for so many answers, must all be exact. */
const QUIET_MS = 1_000;
const LEAST_ANSWERS = 10;

/**
 * Milliseconds from `sinceMs`; 0 when nothing was inexact from then on, infinite when it never became exact again. `entries`
 * are those of the struck tenants.
 */
export function exactAfterMs(entries: readonly Entry[], sinceMs: number): number {
  const answers = entries
    .filter((entry) => endedMs(entry) >= sinceMs)
    .toSorted((one, other) => endedMs(one) - endedMs(other));
  const inexact = answers.filter((entry) => !isExact(entry));
  const candidates = [sinceMs, ...inexact.map(endedMs)];
  const exactMs = candidates.find((atMs) => isQuietAfter(answers, atMs, sinceMs)) ?? Number.POSITIVE_INFINITY;
  return exactMs - sinceMs;
}

function isQuietAfter(answers: readonly Entry[], atMs: number, sinceMs: number): boolean {
  const after = answers.filter((entry) => (atMs === sinceMs ? endedMs(entry) >= atMs : endedMs(entry) > atMs));
  const within = after.filter((entry) => endedMs(entry) <= atMs + QUIET_MS).length;
  // A tenant that is asked rarely: for longer, then.
  const next = after.slice(0, Math.max(within, LEAST_ANSWERS));
  return next.length >= LEAST_ANSWERS && next.every(isExact);
}
