// `resetAt` of an answer: the ends of the current buckets and calendar periods, as text.
// Within one second nothing of it changes, so each zone's is written once a second and shared: writing dates anew would
// cost as much as the rest of a decision.
import type { ResetAt } from "@sluice/contract";
import { windowResetMs } from "../counters/admission.ts";
import type { Periods } from "../limits/quota-period.ts";

/** For a tenant that nobody knows: its zone is not known either. */
export const RESET_UNKNOWN: ResetAt = Object.freeze({
  second: null,
  minute: null,
  day: null,
  quotaDay: null,
  month: null,
});

/** `periods` must be of one day around `nowMs`; the answer is shared and frozen. */
export function resetAtOf(nowMs: number, periods: Periods): ResetAt {
  const written = lastWritten.get(periods);
  if (written !== undefined && nowMs < written.endMs && nowMs >= written.endMs - 1_000) return written.resetAt;
  const endMs = windowResetMs("second", nowMs, periods);
  const resetAt: ResetAt = Object.freeze({
    second: instant(endMs),
    minute: instant(windowResetMs("minute", nowMs, periods)),
    day: instant(windowResetMs("day", nowMs, periods)),
    quotaDay: instant(windowResetMs("quotaDay", nowMs, periods)),
    month: instant(windowResetMs("month", nowMs, periods)),
  });
  lastWritten.set(periods, { endMs, resetAt });
  return resetAt;
}
const lastWritten = new WeakMap<Periods, { endMs: number; resetAt: ResetAt }>();

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
