// Whether a counter admits a cost, what it is after taking it, and what there is to explain about it: the arithmetic of
// limits/ spread over the five windows of one counter. The memory store decides with it, take.lua says the same in Lua,
// and every caller explains decisions from it.
// Promise: pure, and no allocation where nothing changes; this runs for every claim of every check.
// Not here: the arithmetic of one window (limits/), which claims a check has (policies/), who a counter belongs to (stores).
import type { Window } from "@sluice/contract";
import {
  EMPTY_QUOTA,
  quotaAdmits,
  quotaRemaining,
  quotaResetMs,
  quotaRetryMs,
  quotaUsed,
  rollQuota,
  takeQuota,
} from "../limits/quota.ts";
import type { Periods } from "../limits/quota-period.ts";
import {
  EMPTY_SLIDING,
  isAheadOf,
  rollSliding,
  SLIDING_WINDOWS,
  slidingAdmits,
  slidingRemaining,
  slidingResetMs,
  slidingRetryMs,
  slidingUsed,
  takeSliding,
} from "../limits/sliding-window.ts";
import type { Claim } from "./claim.ts";
import type { CounterState } from "./counters.ts";

/** The periods a take was decided in; an `Answered` of the port is one. */
export type PeriodLabels = Readonly<{ dayLabel: number; monthLabel: number }>;

/** A counter that was never taken from. */
export const EMPTY_COUNTER: CounterState = {
  second: EMPTY_SLIDING,
  minute: EMPTY_SLIDING,
  day: EMPTY_SLIDING,
  quotaDay: EMPTY_QUOTA,
  month: EMPTY_QUOTA,
};

/** All five windows as they stand at `nowMs` in the periods of these labels; `state` itself when nothing moved. */
export function rollCounter(state: CounterState, nowMs: number, dayLabel: number, monthLabel: number): CounterState {
  const second = rollSliding(SLIDING_WINDOWS.second, state.second, nowMs);
  const minute = rollSliding(SLIDING_WINDOWS.minute, state.minute, nowMs);
  const day = rollSliding(SLIDING_WINDOWS.day, state.day, nowMs);
  const quotaDay = rollQuota(state.quotaDay, dayLabel);
  const month = rollQuota(state.month, monthLabel);
  const moved =
    second !== state.second ||
    minute !== state.minute ||
    day !== state.day ||
    quotaDay !== state.quotaDay ||
    month !== state.month;
  return moved ? { second, minute, day, quotaDay, month } : state;
}

/** Whether every enforced limit of the claim admits `cost`. The state must be rolled to `nowMs`. */
export function counterAdmits(
  state: CounterState,
  claim: Claim,
  cost: number,
  nowMs: number,
  labels: PeriodLabels,
): boolean {
  for (const limit of claim.enforced) {
    if (!windowAdmits(state, limit.window, limit.capacity, cost, nowMs, labels)) return false;
  }
  return true;
}

/**
 * What is stored after `windows` took `cost`: those are rolled to `nowMs` first, the others stay exactly as they were
 * stored, so that a window which no policy names now is found by the next one that does.
 */
export function takeCounter(
  state: CounterState,
  windows: readonly Window[],
  cost: number,
  nowMs: number,
  labels: PeriodLabels,
): CounterState {
  let { second, minute, day, quotaDay, month } = state;
  for (const window of windows) {
    if (window === "second") second = takeSliding(rollSliding(SLIDING_WINDOWS.second, second, nowMs), cost);
    else if (window === "minute") minute = takeSliding(rollSliding(SLIDING_WINDOWS.minute, minute, nowMs), cost);
    else if (window === "day") day = takeSliding(rollSliding(SLIDING_WINDOWS.day, day, nowMs), cost);
    else if (window === "quotaDay") quotaDay = takeQuota(rollQuota(quotaDay, labels.dayLabel), labels.dayLabel, cost);
    else month = takeQuota(rollQuota(month, labels.monthLabel), labels.monthLabel, cost);
  }
  return { second, minute, day, quotaDay, month };
}

/**
 * The counter with those of `windows` re-based that are stored in a bucket ahead of the clock; `state` itself when none
 * is. It must be stored even when the check is refused or only looks (sliding-window.ts says why); nothing else changes.
 */
export function rebaseCounter(state: CounterState, windows: readonly Window[], nowMs: number): CounterState {
  let rebased = state;
  for (const window of windows) {
    if (window === "quotaDay" || window === "month") continue;
    if (!isAheadOf(SLIDING_WINDOWS[window], state[window], nowMs)) continue;
    rebased = { ...rebased, [window]: rollSliding(SLIDING_WINDOWS[window], state[window], nowMs) };
  }
  return rebased;
}

/** The windows a claim takes from: named as enforced or as shadow, each once. Remembered, because claims are shared. */
export function windowsOf(claim: Claim): readonly Window[] {
  let windows = windowsOfClaim.get(claim);
  if (windows === undefined) {
    windows = [...new Set([...claim.enforced, ...claim.shadow].map((limit) => limit.window))];
    windowsOfClaim.set(claim, windows);
  }
  return windows;
}
const windowsOfClaim = new WeakMap<Claim, readonly Window[]>();

// One function per question about one window. The state must be rolled to `nowMs`, as the states of a `TakenCheck` are.

/** Whether `cost` passes under `limit` now. */
export function windowAdmits(
  state: CounterState,
  window: Window,
  limit: number,
  cost: number,
  nowMs: number,
  labels: PeriodLabels,
): boolean {
  if (window === "quotaDay") return quotaAdmits(state.quotaDay, labels.dayLabel, limit, cost);
  if (window === "month") return quotaAdmits(state.month, labels.monthLabel, limit, cost);
  return slidingAdmits(SLIDING_WINDOWS[window], state[window], nowMs, limit, cost);
}

/** How much of the window is used up, rounded up. */
export function windowUsed(state: CounterState, window: Window, nowMs: number, labels: PeriodLabels): number {
  if (window === "quotaDay") return quotaUsed(state.quotaDay, labels.dayLabel);
  if (window === "month") return quotaUsed(state.month, labels.monthLabel);
  return slidingUsed(SLIDING_WINDOWS[window], state[window], nowMs);
}

/** The greatest cost that would pass under `limit` now, ≥ 0. */
export function windowRemaining(
  state: CounterState,
  window: Window,
  limit: number,
  nowMs: number,
  labels: PeriodLabels,
): number {
  if (window === "quotaDay") return quotaRemaining(state.quotaDay, labels.dayLabel, limit);
  if (window === "month") return quotaRemaining(state.month, labels.monthLabel, limit);
  return slidingRemaining(SLIDING_WINDOWS[window], state[window], nowMs, limit);
}

/** Milliseconds until `cost` first passes under `limit` if nothing else is taken: 0 = now, null = never. */
export function windowRetryMs(
  state: CounterState,
  window: Window,
  limit: number,
  cost: number,
  nowMs: number,
  periods: Periods,
): number | null {
  if (window === "quotaDay") return quotaRetryMs(state.quotaDay, periods.day, nowMs, limit, cost);
  if (window === "month") return quotaRetryMs(state.month, periods.month, nowMs, limit, cost);
  return slidingRetryMs(SLIDING_WINDOWS[window], state[window], nowMs, limit, cost);
}

/** End of the window's current bucket or calendar period, UTC ms. */
export function windowResetMs(window: Window, nowMs: number, periods: Periods): number {
  if (window === "quotaDay") return quotaResetMs(periods.day, nowMs);
  if (window === "month") return quotaResetMs(periods.month, nowMs);
  return slidingResetMs(SLIDING_WINDOWS[window], nowMs);
}
