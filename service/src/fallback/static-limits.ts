// STATIC_LIMIT: while the counters cannot be asked, this worker counts by itself against its share of every limit.
// All-or-nothing over every limit of a check, like the counters themselves; the rules are in static-refusal.ts.
//
// Known gaps: a cost greater than the share is refused although the whole limit would bear it. Counters beyond the bound
// are forgotten, longest unused first, and begin empty again; `forgotten` says how many.
import { LRUCache } from "lru-cache";
import { EMPTY_COUNTER, rollCounter, takeCounter, windowsOf } from "../counters/admission.ts";
import type { Claim, WindowLimit } from "../counters/claim.ts";
import type { CounterState } from "../counters/counters.ts";
import { graverRefusal, type Refusal } from "../counters/refusal.ts";
import { quotaUsed } from "../limits/quota.ts";
import type { Periods } from "../limits/quota-period.ts";
import { SLIDING_WINDOWS } from "../limits/sliding-window.ts";
import { counterKey } from "./counter-identity.ts";
import type { LastKnown } from "./last-known.ts";
import type { Portion } from "./share.ts";
import { quotaRefusal, rateRefusal } from "./static-refusal.ts";

/** About 600 bytes each, so at most 30 MB in a worker that answers for this many counters during one outage. */
export const MAX_LOCAL_COUNTERS = 50_000;

export type StaticQuestion = Readonly<{
  tenant: string;
  user: string;
  claims: readonly Claim[];
  cost: number;
  nowMs: number;
  /** Their current day holds `nowMs`. */
  periods: Periods;
}>;

export interface StaticLimits {
  /** Null: the cost fits into every share and was taken. Else nothing was taken. */
  take(question: StaticQuestion, portion: Portion): Refusal | null;
  /** Counters dropped at the bound since the start. */
  forgotten(): number;
}

export function createStaticLimits(lastKnown: LastKnown, maxCounters: number = MAX_LOCAL_COUNTERS): StaticLimits {
  let forgotten = 0;
  const counters = new LRUCache<string, CounterState>({
    max: maxCounters,
    dispose: (_state, _key, why) => {
      if (why === "evict") forgotten += 1;
    },
  });

  return {
    take(question, portion) {
      const { tenant, user, claims, cost, nowMs, periods } = question;
      const labels = { dayLabel: periods.day.current.label, monthLabel: periods.month.current.label };
      let refusal: Refusal | null = null;
      for (const claim of claims) {
        const key = counterKey(tenant, claim, user);
        const state = rollCounter(counters.get(key) ?? EMPTY_COUNTER, nowMs, labels.dayLabel, labels.monthLabel);
        for (const limit of claim.enforced) {
          const refused = refusalOf(limit, key, state, question, portion);
          if (refused !== null) refusal = graverRefusal(refusal, refused);
        }
      }
      if (refusal !== null || cost === 0) return refusal;
      for (const claim of claims) {
        const key = counterKey(tenant, claim, user);
        counters.set(key, takeCounter(counters.get(key) ?? EMPTY_COUNTER, windowsOf(claim), cost, nowMs, labels));
      }
      return null;
    },
    forgotten: () => forgotten,
  };

  function refusalOf(limit: WindowLimit, key: string, state: CounterState, question: StaticQuestion, portion: Portion) {
    const { cost, nowMs } = question;
    const { window } = limit;
    if (window !== "quotaDay" && window !== "month") {
      return rateRefusal(limit, SLIDING_WINDOWS[window], state[window], cost, nowMs, portion);
    }
    const periods = window === "quotaDay" ? question.periods.day : question.periods.month;
    const { label } = periods.current;
    const left = Math.max(0, limit.capacity - lastKnown.used(key, window, label));
    return quotaRefusal(limit, left, quotaUsed(state[window], label), periods, cost, nowMs, portion);
  }
}
