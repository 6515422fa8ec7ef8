// The counters of the embedded default: kept in this process's memory, so exactly one worker may serve, and a restart
// begins with empty counters.
// Promises: those of the port (counters.ts), shown by its conformance suite. A take is decided in one turn of the event
// loop, so takes cannot interleave and none is ever unavailable.
// Memory is bounded: a counter is kept until its last window has ended and FORGIVEN_STEP_MS longer, users by
// `maxUsersPerDay`, request ids by MAX_REMEMBERED_REQUESTS; what has ended is dropped while new things are put.
// Not here: the arithmetic (admission.ts).
import type { Window } from "@sluice/contract";
import { type Period, periodHolding } from "../limits/quota-period.ts";
import { SLIDING_WINDOWS, slidingResetMs } from "../limits/sliding-window.ts";
import { Acknowledged } from "../usage/acknowledged.ts";
import {
  ADJUSTMENT_KNOWN_MS,
  type Adjusted,
  type AdjustedWindow,
  type AdjustOrder,
  type CounterChange,
} from "./adjust.ts";
import { adjustCounter, adjustedWindows, orderText, requireOrder, reusedId, windowsChanged } from "./adjust-counter.ts";
import { counterAdmits, EMPTY_COUNTER, rebaseCounter, rollCounter, takeCounter, windowsOf } from "./admission.ts";
import type { Claim } from "./claim.ts";
import {
  ANONYMOUS_USER,
  type Answered,
  type CounterState,
  type Counters,
  MAX_CHECKS_PER_TAKE,
  OVERFLOW_USER,
  REPLAY_MS,
  type Take,
  type TakeCheck,
  type TakenCheck,
} from "./counters.ts";
import { ExpiringMap } from "./expiring-map.ts";
import type { Raised, RaisedCounter, RaiseOrder } from "./raise.ts";
import { raiseCounter, requireRaise } from "./raise-counter.ts";

/** A clock that steps back by no more than this finds every counter it had. */
export const FORGIVEN_STEP_MS = 3_600_000;

/** About 30 MB. Above 3 300 admitted ids per second the oldest are forgotten before their 60 s. */
const MAX_REMEMBERED_REQUESTS = 200_000;

/** Made by people, so a day's are few. */
const MAX_REMEMBERED_ADJUSTMENTS = 10_000;

type Done = Readonly<{ text: string; adjusted: Extract<Adjusted, { kind: "adjusted" }> }>;

/** The instant of a take and the periods that hold it. */
type Now = Readonly<{ nowMs: number; dayLabel: number; monthLabel: number; dayEndMs: number; monthEndMs: number }>;

/** How many new users a tenant's day has seen. */
type Arrivals = Readonly<{ dayLabel: number; users: number }>;

export class MemoryCounters implements Counters {
  readonly #counters = new ExpiringMap<CounterState>();
  /** Users with a counter of their own. */
  readonly #users = new ExpiringMap<true>();
  readonly #arrivals = new ExpiringMap<Arrivals>();
  readonly #requests = new ExpiringMap<true>(MAX_REMEMBERED_REQUESTS);
  readonly #adjustments = new ExpiringMap<Done>(MAX_REMEMBERED_ADJUSTMENTS);
  readonly #clock: () => number;
  readonly #acknowledged: Acknowledged;
  /** One for all tenants: what a store held that has died belongs to other ones. */
  readonly #generation: number;

  /** `clock` gives UTC milliseconds. */
  constructor(clock: () => number = Date.now, acknowledged: Acknowledged = new Acknowledged()) {
    this.#clock = clock;
    this.#acknowledged = acknowledged;
    this.#generation = clock();
  }

  async take(order: Take): Promise<Answered> {
    if (order.checks.length > MAX_CHECKS_PER_TAKE) {
      throw new RangeError(
        `${order.checks.length} checks in one take: split them into takes of ${MAX_CHECKS_PER_TAKE}`,
      );
    }
    const now = nowIn(order, this.#clock());
    const checks = order.checks.map((check) => this.#decide(order, check, now));
    const { dayLabel, monthLabel } = now;
    return { kind: "answered", nowMs: now.nowMs, dayLabel, monthLabel, generation: this.#generation, checks };
  }

  async adjust(order: AdjustOrder): Promise<Adjusted> {
    requireOrder(order);
    const nowMs = this.#clock();
    const id = `${order.tenant}\n${order.id}`;
    const known = this.#adjustments.get(id, nowMs);
    if (known !== undefined) {
      if (known.text !== orderText(order)) throw reusedId(order);
      return { ...known.adjusted, replayed: true };
    }
    const now = nowIn(order, nowMs);
    const { dayLabel, monthLabel } = now;
    const counters = order.changes.map((counter) => this.#adjustOne(order.tenant, counter, now));
    const adjusted = { kind: "adjusted", replayed: false, nowMs, dayLabel, monthLabel, counters } as const;
    this.#adjustments.put(id, { text: orderText(order), adjusted }, nowMs + ADJUSTMENT_KNOWN_MS, nowMs);
    return adjusted;
  }

  async raise(order: RaiseOrder): Promise<Raised> {
    requireRaise(order);
    const generation = this.#generation;
    if (order.generation !== generation) return { kind: "other_generation", generation };
    const now = nowIn(order, this.#clock());
    const raised = order.counters.filter((counter) => this.#raiseOne(order, counter, now));
    return { kind: "raised", raised: raised.length };
  }

  nowMs(): number {
    return this.#clock();
  }

  health(): { healthy: boolean; detail: string } {
    return { healthy: true, detail: "counters are kept in this process" };
  }

  async close(): Promise<void> {}

  /** Names of all counters held in memory, ended ones not yet dropped included. */
  counterKeys(): string[] {
    return this.#counters.keys();
  }

  #decide(order: Take, check: TakeCheck, now: Now): TakenCheck {
    const request = check.requestId === null ? null : `${order.tenant}\n${check.requestId}`;
    const replayed = request !== null && this.#requests.get(request, now.nowMs) !== undefined;
    const arrives = this.#arrives(order.tenant, check, now);
    const overflowed = arrives && !replayed && this.#arrivalsOfDay(order.tenant, now).users >= order.maxUsersPerDay;
    const user = overflowed ? OVERFLOW_USER : check.user;

    const states: CounterState[] = [];
    let admitted = true;
    for (const claim of check.claims) {
      const key = counterKey(order.tenant, user, claim);
      const stored = this.#counters.get(key, now.nowMs) ?? EMPTY_COUNTER;
      const rebased = rebaseCounter(stored, windowsOf(claim), now.nowMs);
      if (rebased !== stored) this.#counters.put(key, rebased, countsUntilMs(windowsOf(claim), now), now.nowMs);
      const state = rollCounter(rebased, now.nowMs, now.dayLabel, now.monthLabel);
      states.push(state);
      if (!counterAdmits(state, claim, check.cost, now.nowMs, now)) admitted = false;
    }
    if (replayed || !admitted || check.cost === 0)
      return { admitted: admitted || replayed, replayed, overflowed, states };

    const untilMs = this.#takeAll(order.tenant, user, check, now, states);
    if (arrives && !overflowed) this.#countArrival(order.tenant, now);
    if (check.claims.some(isPerUser)) this.#remember(order.tenant, user, now, untilMs);
    if (request !== null) this.#requests.put(request, true, now.nowMs + REPLAY_MS, now.nowMs);
    this.#acknowledge(order, check, user, now);
    return { admitted, replayed, overflowed, states };
  }

  /** Takes the cost from every counter of the check, renews `states`, and says how long the last of them matters. */
  #takeAll(tenant: string, user: string, check: TakeCheck, now: Now, states: CounterState[]): number {
    let lastUntilMs = 0;
    for (const [i, claim] of check.claims.entries()) {
      const key = counterKey(tenant, user, claim);
      const stored = this.#counters.get(key, now.nowMs) ?? EMPTY_COUNTER;
      const taken = takeCounter(stored, windowsOf(claim), check.cost, now.nowMs, now);
      const untilMs = countsUntilMs(windowsOf(claim), now);
      this.#counters.put(key, taken, untilMs, now.nowMs);
      states[i] = rollCounter(taken, now.nowMs, now.dayLabel, now.monthLabel);
      lastUntilMs = Math.max(lastUntilMs, untilMs);
    }
    return lastUntilMs;
  }

  #acknowledge({ tenant, maxUsersPerDay }: Take, check: TakeCheck, user: string, now: Now): void {
    const { usage } = this.#acknowledged;
    const row = usage.row(tenant, check.usageApi, user, now.dayLabel, maxUsersPerDay);
    const counted = { dayLabel: now.dayLabel, monthLabel: now.monthLabel, generation: this.#generation };
    this.#acknowledged.count(row, check.claims, user, counted, check.cost);
  }

  #adjustOne(tenant: string, counter: CounterChange, now: Now): AdjustedWindow[] {
    const { change, scope } = counter;
    const user = counter.user ?? ANONYMOUS_USER;
    const key = counterKey(tenant, user, counter);
    const stored = this.#counters.get(key, now.nowMs) ?? EMPTY_COUNTER;
    const adjusted = adjustCounter(stored, change, now);
    if (adjusted !== stored) {
      const untilMs = countsUntilMs(windowsChanged(change), now);
      this.#counters.put(key, adjusted, untilMs, now.nowMs);
      if (scope === "TENANT_USER") this.#remember(tenant, user, now, untilMs);
    }
    return adjustedWindows(change, stored, adjusted, now, this.#generation);
  }

  #raiseOne({ tenant, periods }: RaiseOrder, counter: RaisedCounter, now: Now): boolean {
    const { scope, window, label } = counter;
    const user = counter.user ?? ANONYMOUS_USER;
    const key = counterKey(tenant, user, counter);
    const stored = this.#counters.get(key, now.nowMs) ?? EMPTY_COUNTER;
    const raised = raiseCounter(stored, counter);
    if (raised === stored) return false;
    const { next } = window === "month" ? periods.month : periods.day;
    const untilMs = label < next.label ? countsUntilMs([window], now) : next.endMs + FORGIVEN_STEP_MS;
    this.#counters.put(key, raised, untilMs, now.nowMs);
    if (scope === "TENANT_USER") this.#remember(tenant, user, now, untilMs);
    return true;
  }

  /** Whether the check would give a user its first counter. */
  #arrives(tenant: string, check: TakeCheck, now: Now): boolean {
    if (check.user === OVERFLOW_USER || !check.claims.some(isPerUser)) return false;
    return this.#users.get(`${tenant}\n${check.user}`, now.nowMs) === undefined;
  }

  /** Only a greater label begins a day, as for quotas: a clock that steps back makes no room. */
  #arrivalsOfDay(tenant: string, now: Now): Arrivals {
    const arrivals = this.#arrivals.get(tenant, now.nowMs);
    if (arrivals !== undefined && arrivals.dayLabel >= now.dayLabel) return arrivals;
    return { dayLabel: now.dayLabel, users: 0 };
  }

  #countArrival(tenant: string, now: Now): void {
    const { dayLabel, users } = this.#arrivalsOfDay(tenant, now);
    this.#arrivals.put(tenant, { dayLabel, users: users + 1 }, now.dayEndMs + FORGIVEN_STEP_MS, now.nowMs);
  }

  /** A user is known for the rest of the day at least, so that coming back does not count as arriving again. */
  #remember(tenant: string, user: string, now: Now, countersUntilMs: number): void {
    const untilMs = Math.max(now.dayEndMs + FORGIVEN_STEP_MS, countersUntilMs);
    this.#users.put(`${tenant}\n${user}`, true, untilMs, now.nowMs);
  }
}

function nowIn(order: Pick<Take, "periods">, nowMs: number): Now {
  const day = holding(order.periods.day, "day", nowMs);
  const month = holding(order.periods.month, "month", nowMs);
  return { nowMs, dayLabel: day.label, monthLabel: month.label, dayEndMs: day.endMs, monthEndMs: month.endMs };
}

function holding(periods: Take["periods"]["day"], name: string, nowMs: number): Period {
  const period = periodHolding(periods, nowMs);
  if (period !== null) return period;
  throw new RangeError(`No ${name} of the take holds ${nowMs} ms: compute its periods from this store's nowMs()`);
}

/** Tenant ids, scopes and patterns hold no line break and the user comes last, so no two counters share a key. */
function counterKey(tenant: string, user: string, claim: Pick<Claim, "scope" | "api">): string {
  return `${tenant}\n${claim.scope}\n${claim.api ?? ""}\n${isPerUser(claim) ? user : ""}`;
}

function isPerUser(claim: Pick<Claim, "scope">): boolean {
  return claim.scope === "TENANT_USER" || claim.scope === "TENANT_USER_API";
}

/** A sum weighs until the end of the bucket after its own. */
function lengthMs(window: keyof typeof SLIDING_WINDOWS): number {
  return SLIDING_WINDOWS[window].width * SLIDING_WINDOWS[window].tickMs;
}

/** When a counter that takes in these windows now is empty again for every clock that is not set back too far. */
function countsUntilMs(windows: readonly Window[], now: Now): number {
  let untilMs = 0;
  for (const window of windows) {
    if (window === "quotaDay") untilMs = Math.max(untilMs, now.dayEndMs);
    else if (window === "month") untilMs = Math.max(untilMs, now.monthEndMs);
    else untilMs = Math.max(untilMs, slidingResetMs(SLIDING_WINDOWS[window], now.nowMs) + lengthMs(window));
  }
  return untilMs + FORGIVEN_STEP_MS;
}
