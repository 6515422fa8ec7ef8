// The sliding window of width w in two buckets, as a pure function of (state, tick, limit, cost).
//
// With `current` and `previous` the sums of this bucket and the one before, the estimate at tick t is
//   previous × (1 − (t mod w) / w) + current
// (the "sliding window counter" of Cloudflare, 2017). Cost c passes if estimate + c ≤ limit, decided exactly in integers:
//   (limit − current − c) × w ≥ previous × (w − t mod w)
// Ticks are milliseconds for second and minute, whole seconds for the day, so that every product stays below 2^53:
// sums saturate at MAX_SUM = 10^11, and 10^11 × 86 400 < 9.007 × 10^15.
//
// A clock that steps back into an earlier bucket (a failover to a slower clock) finds a bucket ahead of it. Both sums
// then become the present bucket's: were `previous` left to fade, it would fade by the phase of the earlier bucket, which
// may be far along, and room that was used up a moment ago would be free again. So nothing reopens, and after the rest of
// this bucket and the whole of the next, at most two windows, the strictness is gone. That takes the re-based state to be
// stored, even by a check that is refused: re-based anew at every reading, a full window would wait for the old clock.
//
// take.lua holds the same arithmetic; vectors/sliding-window.json and the twin test hold the two together.
// Not here: calendar quotas (quota.ts), or which windows a check obeys (policies/).
import { exactFloorDivide } from "./integer.ts";

/** Sums above this are kept at this: it only happens in SHADOW windows, which take above their limit. */
export const MAX_SUM = 10 ** 11;

export type SlidingWindow = Readonly<{ width: number; tickMs: number }>;
/** Width in ticks, length of a tick in milliseconds. */
export const SLIDING_WINDOWS = {
  second: { width: 1_000, tickMs: 1 },
  minute: { width: 60_000, tickMs: 1 },
  day: { width: 86_400, tickMs: 1_000 },
} as const satisfies Record<string, SlidingWindow>;

/** `bucket` is floor(tick / width); a counter never touched is bucket 0 with empty sums. */
export type SlidingState = Readonly<{ bucket: number; current: number; previous: number }>;
export const EMPTY_SLIDING: SlidingState = { bucket: 0, current: 0, previous: 0 };

/** The state as it stands at `nowMs`: older sums moved or dropped; a bucket ahead of the clock becomes the present one. */
export function rollSliding(window: SlidingWindow, state: SlidingState, nowMs: number): SlidingState {
  const bucket = bucketAt(window, nowMs);
  if (state.bucket === bucket) return state;
  if (state.bucket > bucket) return { bucket, current: Math.min(state.current + state.previous, MAX_SUM), previous: 0 };
  if (state.bucket === bucket - 1) return { bucket, current: 0, previous: state.current };
  return { bucket, current: 0, previous: 0 };
}

/** True when a stored bucket lies ahead of the clock: a failover to a slower clock, which a metric counts. */
export function isAheadOf(window: SlidingWindow, state: SlidingState, nowMs: number): boolean {
  return state.bucket > bucketAt(window, nowMs);
}

/** Whether `cost` fits under `limit` at `nowMs`. The state must be rolled to `nowMs`. */
export function slidingAdmits(
  window: SlidingWindow,
  state: SlidingState,
  nowMs: number,
  limit: number,
  cost: number,
): boolean {
  const left = window.width - phase(window, nowMs);
  return (limit - state.current - cost) * window.width >= state.previous * left;
}

export function takeSliding(state: SlidingState, cost: number): SlidingState {
  return { bucket: state.bucket, current: Math.min(state.current + cost, MAX_SUM), previous: state.previous };
}

/** The estimate rounded up: the least `limit` under which a cost of 0 still passes. */
export function slidingUsed(window: SlidingWindow, state: SlidingState, nowMs: number): number {
  const weighted = state.previous * (window.width - phase(window, nowMs));
  return state.current - exactFloorDivide(-weighted, window.width);
}

/** The greatest cost that would pass now, ≥ 0. */
export function slidingRemaining(window: SlidingWindow, state: SlidingState, nowMs: number, limit: number): number {
  return Math.max(0, limit - slidingUsed(window, state, nowMs));
}

/**
 * Milliseconds until the first instant at which `cost` passes if nothing else is taken; null when it never can.
 * 0 when it passes now. The estimate never rises while nothing is taken, so the first such instant is the answer:
 * solve the integer inequality for the phase in this bucket, then in the next one, where `current` has become `previous`.
 */
export function slidingRetryMs(
  window: SlidingWindow,
  state: SlidingState,
  nowMs: number,
  limit: number,
  cost: number,
): number | null {
  if (cost > limit) return null;
  if (slidingAdmits(window, state, nowMs, limit, cost)) return 0;
  const phaseHere = firstPhase(window, state.previous, limit - state.current - cost);
  const phaseNext = firstPhase(window, state.current, limit - cost) ?? window.width;
  const tick = state.bucket * window.width + (phaseHere ?? window.width + phaseNext);
  return tick * window.tickMs - nowMs;
}

/** End of the current bucket, in UTC milliseconds. */
export function slidingResetMs(window: SlidingWindow, nowMs: number): number {
  return (bucketAt(window, nowMs) + 1) * window.width * window.tickMs;
}

/** The least phase p in 0..w−1 with slack × w ≥ previous × (w − p); null when this bucket has none. */
function firstPhase(window: SlidingWindow, previous: number, slack: number): number | null {
  if (slack < 0) return null;
  if (previous === 0) return 0;
  const phaseAtLeast = window.width - exactFloorDivide(slack * window.width, previous);
  return phaseAtLeast < window.width ? Math.max(0, phaseAtLeast) : null;
}

function bucketAt(window: SlidingWindow, nowMs: number): number {
  return Math.floor(nowMs / (window.width * window.tickMs));
}

function phase(window: SlidingWindow, nowMs: number): number {
  return Math.floor(nowMs / window.tickMs) % window.width;
}
