// One counter raised: the arithmetic of raise.lua, readable. Pure; the memory store decides with it.
import { MAX_QUOTA_SUM, type QuotaEntry, type QuotaState } from "../limits/quota.ts";
import type { CounterState } from "./counters.ts";
import { requireIdentity } from "./identity.ts";
import { MAX_RAISED_COUNTERS, type RaisedCounter, type RaiseOrder } from "./raise.ts";

/** The counter after the raise; `state` itself when it was not below. */
export function raiseCounter(state: CounterState, counter: RaisedCounter): CounterState {
  const raised = raiseQuota(state[counter.window], counter);
  return raised === state[counter.window] ? state : { ...state, [counter.window]: raised };
}

/** Throws on an order that no store takes: a broken promise of the caller. */
export function requireRaise({ counters }: RaiseOrder): void {
  if (counters.length > MAX_RAISED_COUNTERS) {
    throw new RangeError(`${counters.length} counters in one raise: split them into ${MAX_RAISED_COUNTERS} each`);
  }
  for (const counter of counters) requireIdentity(counter);
}

function raiseQuota(state: QuotaState, counter: RaisedCounter): QuotaState {
  const { label } = counter;
  const { current, previous } = state;
  if (label > current.label) {
    const opened = raiseEntry({ label, base: 0, since: 0 }, counter);
    return opened.base > 0 ? { current: opened, previous: current } : state;
  }
  if (label === current.label) {
    const raised = raiseEntry(current, counter);
    return raised === current ? state : { current: raised, previous };
  }
  if (label < previous.label) return state;
  const raised = raiseEntry(label === previous.label ? previous : { label, base: 0, since: 0 }, counter);
  return raised === previous || raised.base === 0 ? state : { current, previous: raised };
}

function raiseEntry(entry: QuotaEntry, { atLeast, usedAtLeast = 0 }: RaisedCounter): QuotaEntry {
  const { label, since } = entry;
  const base = Math.min(Math.max(entry.base, atLeast, usedAtLeast - since), MAX_QUOTA_SUM - since);
  return base > entry.base ? { label, base, since } : entry;
}
