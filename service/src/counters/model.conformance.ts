// The sequential model every store is compared with: counters in plain maps, decided by admission.ts, one check at a time.
// It forgets nothing and knows no overflow user; what a store adds to the arithmetic (expiry, bounds, known ids of
// adjustments) is not here.
import type { AdjustedWindow, CounterChange } from "./adjust.ts";
import { adjustCounter, adjustedWindows } from "./adjust-counter.ts";
import {
  counterAdmits,
  EMPTY_COUNTER,
  type PeriodLabels,
  rebaseCounter,
  rollCounter,
  takeCounter,
  windowsOf,
} from "./admission.ts";
import type { Claim } from "./claim.ts";
import { type CounterState, REPLAY_MS, type TakeCheck, type TakenCheck } from "./counters.ts";
import type { RaisedCounter } from "./raise.ts";
import { raiseCounter } from "./raise-counter.ts";

export class CounterModel {
  readonly #counters = new Map<string, CounterState>();
  readonly #requests = new Map<string, number>();

  take(tenant: string, check: TakeCheck, nowMs: number, labels: PeriodLabels): TakenCheck {
    const admittedAtMs = this.#requests.get(`${tenant} ${check.requestId}`);
    const replayed = check.requestId !== null && admittedAtMs !== undefined && nowMs - admittedAtMs < REPLAY_MS;
    const keys = check.claims.map((claim) => counterName(tenant, check.user, claim));
    const rolled = keys.map((key) => rollCounter(this.#stored(key), nowMs, labels.dayLabel, labels.monthLabel));
    const admits = check.claims.every((claim, i) => {
      return counterAdmits(rolled[i] ?? EMPTY_COUNTER, claim, check.cost, nowMs, labels);
    });
    const takes = admits && !replayed && check.cost > 0;
    for (const [i, claim] of check.claims.entries()) {
      const key = keys[i] ?? "";
      const rebased = rebaseCounter(this.#stored(key), windowsOf(claim), nowMs);
      this.#counters.set(key, takes ? takeCounter(rebased, windowsOf(claim), check.cost, nowMs, labels) : rebased);
    }
    if (takes && check.requestId !== null) this.#requests.set(`${tenant} ${check.requestId}`, nowMs);
    const states = keys.map((key) => rollCounter(this.#stored(key), nowMs, labels.dayLabel, labels.monthLabel));
    return { admitted: admits || replayed, replayed, overflowed: false, states };
  }

  /** `generation` is the store's: the model knows none. */
  adjust(
    tenant: string,
    counter: CounterChange,
    nowMs: number,
    labels: PeriodLabels,
    generation: number,
  ): readonly AdjustedWindow[] {
    const key = counterName(tenant, counter.user ?? "", counter);
    const before = this.#stored(key);
    const after = adjustCounter(before, counter.change, labels);
    this.#counters.set(key, after);
    return adjustedWindows(counter.change, before, after, { nowMs, ...labels }, generation);
  }

  raise(tenant: string, counter: RaisedCounter): boolean {
    const key = counterName(tenant, counter.user ?? "", counter);
    const before = this.#stored(key);
    const after = raiseCounter(before, counter);
    this.#counters.set(key, after);
    return after !== before;
  }

  #stored(key: string): CounterState {
    return this.#counters.get(key) ?? EMPTY_COUNTER;
  }
}

function counterName(tenant: string, user: string, claim: Pick<Claim, "scope" | "api">): string {
  const perUser = claim.scope === "TENANT_USER" || claim.scope === "TENANT_USER_API";
  return JSON.stringify([tenant, claim.scope, claim.api, perUser ? user : null]);
}
