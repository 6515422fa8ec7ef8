// One counter corrected: the arithmetic of adjust.lua, readable. Pure; the memory store decides with it.
import { WINDOWS, type Window } from "@sluice/contract";
import { MAX_QUOTA_SUM, type QuotaEntry, type QuotaState, rollQuota } from "../limits/quota.ts";
import { EMPTY_SLIDING } from "../limits/sliding-window.ts";
import { type AdjustedWindow, type AdjustOrder, type CounterChange, MAX_ADJUSTED_COUNTERS } from "./adjust.ts";
import { type PeriodLabels, rollCounter, windowUsed } from "./admission.ts";
import type { CounterState } from "./counters.ts";
import { requireIdentity } from "./identity.ts";

/** The counter after the change; `state` itself, unrolled, when nothing changes. */
export function adjustCounter(
  state: CounterState,
  change: CounterChange["change"],
  labels: PeriodLabels,
): CounterState {
  let adjusted = state;
  for (const window of windowsChanged(change)) {
    if (window === "quotaDay" || window === "month") {
      const label = window === "quotaDay" ? labels.dayLabel : labels.monthLabel;
      const amount = change.kind === "add" ? change.amount : Number.NEGATIVE_INFINITY;
      const quota = adjustQuota(state[window], label, amount);
      if (quota !== state[window]) adjusted = { ...adjusted, [window]: quota };
    } else if (state[window].bucket > 0) {
      adjusted = { ...adjusted, [window]: EMPTY_SLIDING };
    }
  }
  return adjusted;
}

/** The windows that a change names, in the order of WINDOWS. */
export function windowsChanged(change: CounterChange["change"]): Window[] {
  return change.kind === "add" ? [change.window] : WINDOWS.filter((window) => change.windows.includes(window));
}

/**
 * What there is to answer of one change: two states as stored, seen from the instant of the adjustment. `generation` is the
 * one that both were counted in.
 */
export function adjustedWindows(
  change: CounterChange["change"],
  before: CounterState,
  after: CounterState,
  now: PeriodLabels & Readonly<{ nowMs: number }>,
  generation: number,
): AdjustedWindow[] {
  const first = rollCounter(before, now.nowMs, now.dayLabel, now.monthLabel);
  const then = rollCounter(after, now.nowMs, now.dayLabel, now.monthLabel);
  return windowsChanged(change).map((window) => {
    const offSince = sinceOf(first, window, now) - sinceOf(then, window, now);
    return {
      window,
      before: windowUsed(first, window, now.nowMs, now),
      after: windowUsed(then, window, now.nowMs, now),
      offSince,
      generation: offSince > 0 ? generation : 0,
    };
  });
}

/** What an id stands for: equal texts, equal orders. Periods move on between two attempts and are left out. */
export function orderText({ tenant, changes }: AdjustOrder): string {
  const parts = changes.map(({ scope, api, user, change }) => {
    return [scope, api, user, windowsChanged(change), change.kind === "add" ? change.amount : null];
  });
  return JSON.stringify([tenant, parts]);
}

export function reusedId({ id }: AdjustOrder): RangeError {
  return new RangeError(`The adjustment ${id} was made with other changes: give each adjustment an id of its own`);
}

/** Throws on an order that no store takes: a broken promise of the caller, who parsed the operator's words. */
export function requireOrder({ changes }: AdjustOrder): void {
  if (changes.length > MAX_ADJUSTED_COUNTERS) {
    throw new RangeError(`${changes.length} changes in one adjustment: split them into ${MAX_ADJUSTED_COUNTERS} each`);
  }
  for (const counter of changes) requireIdentity(counter);
}

/** Only a charge opens a period; a cut comes off `since` first. */
function adjustQuota(state: QuotaState, label: number, amount: number): QuotaState {
  if (amount < 0 && label > state.current.label) return state;
  const rolled = rollQuota(state, label);
  const inPrevious = label === rolled.previous.label;
  const entry = inPrevious ? rolled.previous : rolled.current;
  const adjusted = amount < 0 ? cut(entry, -amount) : charge(entry, amount);
  return inPrevious
    ? { current: rolled.current, previous: adjusted }
    : { current: adjusted, previous: rolled.previous };
}

function sinceOf(state: CounterState, window: Window, { dayLabel, monthLabel }: PeriodLabels): number {
  if (window !== "quotaDay" && window !== "month") return 0;
  const { current, previous } = state[window];
  const label = window === "quotaDay" ? dayLabel : monthLabel;
  return (label === previous.label ? previous : current).since;
}

function cut({ label, base, since }: QuotaEntry, amount: number): QuotaEntry {
  const offSince = Math.min(amount, since);
  return { label, base: Math.max(0, base - (amount - offSince)), since: since - offSince };
}

function charge({ label, base, since }: QuotaEntry, amount: number): QuotaEntry {
  return { label, base: Math.min(base + amount, MAX_QUOTA_SUM - since), since };
}
