// A calendar quota: how much of one labelled period is used. Pure; the periods come from quota-period.ts.
//
// used = base + since. `since` holds what was taken in the present generation of the tenant's counters, `base` the rest;
// a restore raises `base` to the sum of all rows of other generations, so it may run again and again, by anyone.
// Only a greater label opens a period. The previous one is kept, so a clock that steps back finds its old period again;
// a clock that finds neither counts in the current one: strict, never reopening.
import { type PeriodNeighbours, periodHolding } from "./quota-period.ts";

/** Labels are integers: 20261122 for a day, 202611 for a month; 0 = no such period was ever opened. */
export type QuotaEntry = Readonly<{ label: number; base: number; since: number }>;
export type QuotaState = Readonly<{ current: QuotaEntry; previous: QuotaEntry }>;

/** Saturation of a sum, below 2^53 with room for one more cost. */
export const MAX_QUOTA_SUM = 9 * 10 ** 15;

export const NO_ENTRY: QuotaEntry = { label: 0, base: 0, since: 0 };
export const EMPTY_QUOTA: QuotaState = { current: NO_ENTRY, previous: NO_ENTRY };

/** The state as it stands in the period `label`: opened if the label is greater than the current one. */
export function rollQuota(state: QuotaState, label: number): QuotaState {
  if (label <= state.current.label) return state;
  return { current: { label, base: 0, since: 0 }, previous: state.current };
}

/** A new generation: what was counted in the old one becomes the base. */
export function rebaseQuota(state: QuotaState): QuotaState {
  return { current: settle(state.current), previous: settle(state.previous) };
}

/** What is used in period `label`; the state must be rolled to it. */
export function quotaUsed(state: QuotaState, label: number): number {
  const entry = entryOf(state, label);
  return entry.base + entry.since;
}

export function quotaAdmits(state: QuotaState, label: number, limit: number, cost: number): boolean {
  return quotaUsed(state, label) + cost <= limit;
}

export function takeQuota(state: QuotaState, label: number, cost: number): QuotaState {
  const entry = entryOf(state, label);
  const since = Math.min(entry.since + cost, MAX_QUOTA_SUM - entry.base);
  const taken = { label: entry.label, base: entry.base, since };
  return entry === state.previous
    ? { current: state.current, previous: taken }
    : { current: taken, previous: state.previous };
}

/** The greatest cost that would pass in period `label`, ≥ 0. */
export function quotaRemaining(state: QuotaState, label: number, limit: number): number {
  return Math.max(0, limit - quotaUsed(state, label));
}

/**
 * Milliseconds until the first instant at which `cost` passes if nothing else is taken: 0 when it passes now, else the
 * start of a later period; null when it never can. Exact while that period is among those handed in or follows them at
 * once; after a clock stepped back by more than that, it is the end of the last one handed in, and the answer too early.
 */
export function quotaRetryMs(
  state: QuotaState,
  periods: PeriodNeighbours,
  nowMs: number,
  limit: number,
  cost: number,
): number | null {
  if (cost > limit) return null;
  for (const period of [periods.previous, periods.current, periods.next]) {
    if (period.endMs <= nowMs) continue;
    if (!quotaAdmits(rollQuota(state, period.label), period.label, limit, cost)) continue;
    return Math.max(0, period.startMs - nowMs);
  }
  return periods.next.endMs - nowMs;
}

/** End of the period that holds `nowMs`, in UTC milliseconds; of the last one handed in when the clock lies outside. */
export function quotaResetMs(periods: PeriodNeighbours, nowMs: number): number {
  return (periodHolding(periods, nowMs) ?? periods.next).endMs;
}

function entryOf(state: QuotaState, label: number): QuotaEntry {
  return label === state.previous.label ? state.previous : state.current;
}

function settle(entry: QuotaEntry): QuotaEntry {
  return { label: entry.label, base: entry.base + entry.since, since: 0 };
}
