// Remembers what the counters last said about quotas, so that an outage divides what is left and not the whole quota.
// Filled only by checks whose Fallback is STATIC_LIMIT. Bounded: the counters not seen for longest are forgotten, and a
// forgotten or never seen quota counts as unused.
import { LRUCache } from "lru-cache";
import { windowsOf, windowUsed } from "../counters/admission.ts";
import type { Claim } from "../counters/claim.ts";
import type { Answered, TakenCheck } from "../counters/counters.ts";
import { counterKey } from "./counter-identity.ts";

/** About 200 bytes each, so at most 10 MB per process. */
export const MAX_LAST_KNOWN = 50_000;

export interface LastKnown {
  /** Remembers the quotas of one counted check. */
  remember(tenant: string, user: string, claims: readonly Claim[], taken: TakenCheck, answered: Answered): void;
  /** What of the period `label` was used when the counter was last seen; 0 when it never was. */
  used(key: string, window: "quotaDay" | "month", label: number): number;
}

type LastUse = { dayLabel: number; dayUsed: number; monthLabel: number; monthUsed: number };

export function createLastKnown(maxCounters: number = MAX_LAST_KNOWN): LastKnown {
  const counters = new LRUCache<string, LastUse>({ max: maxCounters });
  return {
    remember(tenant, user, claims, taken, answered) {
      for (const [index, claim] of claims.entries()) {
        const state = taken.states[index];
        if (state === undefined || !hasQuota(claim)) continue;
        counters.set(counterKey(tenant, claim, user), {
          dayLabel: answered.dayLabel,
          dayUsed: windowUsed(state, "quotaDay", answered.nowMs, answered),
          monthLabel: answered.monthLabel,
          monthUsed: windowUsed(state, "month", answered.nowMs, answered),
        });
      }
    },
    used(key, window, label) {
      const last = counters.get(key);
      if (last === undefined) return 0;
      if (window === "quotaDay") return last.dayLabel === label ? last.dayUsed : 0;
      return last.monthLabel === label ? last.monthUsed : 0;
    },
  };
}

function hasQuota(claim: Claim): boolean {
  const windows = windowsOf(claim);
  return windows.includes("quotaDay") || windows.includes("month");
}
