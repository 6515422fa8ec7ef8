// The one limit that the RateLimit headers speak of, chosen among all that a check obeys.
// The draft leaves the choice to the server and asks for the limit a client is likeliest to reach. Rule: a refusal is
// spoken for by its `deniedBy`; otherwise the limit with the smallest part left (remaining ÷ limit), of equal ones the
// one with less left, then the first in the order of claims. A month that is nearly spent thus outranks a fresh second.
// The tightest of five windows can differ from call to call: a client reads the window's name beside the figure.

import { windowResetMs } from "../counters/admission.ts";
import type { WindowLimit } from "../counters/claim.ts";
import type { Periods } from "../limits/quota-period.ts";
import type { Tightest } from "./answer.ts";

/** True when `left` of `limit` is tighter than `tightestLeft` of `tightest`. */
export function isTighter(limit: WindowLimit, left: number, tightest: WindowLimit, tightestLeft: number): boolean {
  const part = left / limit.capacity;
  const tightestPart = tightestLeft / tightest.capacity;
  return part < tightestPart || (part === tightestPart && left < tightestLeft);
}

export function tightestOf(limit: WindowLimit, left: number, nowMs: number, periods: Periods): Tightest {
  return {
    window: limit.window,
    limit: limit.capacity,
    remaining: left,
    resetSeconds: Math.ceil((windowResetMs(limit.window, nowMs, periods) - nowMs) / 1_000),
  };
}
