// Whether one limit refuses a cost when only this worker's share of it may be given out, and when it would clear. Pure.
//
// Rate limits: a share of one or more is counted in the product's own sliding window. Below one, a worker gives out one
// in each window in which it has a turn (share.ts), counted in that bucket alone: sliding would halve it again.
// Quotas: what was left when the counters were last seen, divided alike, counted in the same period.
// `used` is what this worker gave out; `limit` stays the operator's, because that is what `deniedBy` names.
import type { WindowLimit } from "../counters/claim.ts";
import type { Refusal } from "../counters/refusal.ts";
import type { PeriodNeighbours } from "../limits/quota-period.ts";
import { type SlidingState, type SlidingWindow, slidingRetryMs, slidingUsed } from "../limits/sliding-window.ts";
import { isWhole, type Portion, shareOf, windowsToNextTurn } from "./share.ts";

/** `state` is this worker's own count, rolled to `nowMs`. Null when the cost fits. */
export function rateRefusal(
  limit: WindowLimit,
  window: SlidingWindow,
  state: SlidingState,
  cost: number,
  nowMs: number,
  portion: Portion,
): Refusal | null {
  const share = shareOf(limit.capacity, portion, state.bucket);
  if (isWhole(limit.capacity, portion)) {
    const used = slidingUsed(window, state, nowMs);
    if (used + cost <= share) return null;
    return { limit, used, retryAfterMs: slidingRetryMs(window, state, nowMs, share, cost) };
  }
  const used = state.current;
  if (used + cost <= share) return null;
  if (cost > 1) return { limit, used, retryAfterMs: null };
  const turn = state.bucket + windowsToNextTurn(limit.capacity, portion, state.bucket);
  return { limit, used, retryAfterMs: turn * window.width * window.tickMs - nowMs };
}

/**
 * `left` is what the whole deployment had left of the current period, `used` what this worker gave out in it since.
 * A spent quota clears when the next period opens, if this worker's share of that one bears the cost.
 */
export function quotaRefusal(
  limit: WindowLimit,
  left: number,
  used: number,
  periods: PeriodNeighbours,
  cost: number,
  nowMs: number,
  portion: Portion,
): Refusal | null {
  if (used + cost <= shareOf(left, portion, periods.current.label)) return null;
  const passesNext = cost <= shareOf(limit.capacity, portion, periods.next.label);
  return { limit, used, retryAfterMs: passesNext ? periods.next.startMs - nowMs : null };
}
