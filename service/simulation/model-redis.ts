// The model of one Redis shard: what its master holds, its clock, and what it forgets.
//
// The scripts are here in the readable arithmetic that the conformance suites hold equal to Lua: take.lua (admission.ts),
// raise.lua (raise-counter.ts), adjust.lua (adjust-counter.ts) and give-back.lua, of which this is the only other reading.
// A replica holds what the master held a while ago: it is kept as a list of writes with their time.
// Not here: the way to it (store-link.ts), commands as they are written (model-commands.ts).
import type { Adjusted, AdjustOrder } from "../src/counters/adjust.ts";
import { adjustCounter, adjustedWindows } from "../src/counters/adjust-counter.ts";
import {
  counterAdmits,
  EMPTY_COUNTER,
  rebaseCounter,
  rollCounter,
  takeCounter,
  windowsOf,
} from "../src/counters/admission.ts";
import { type CounterState, REPLAY_MS, type Take, type TakenCheck } from "../src/counters/counters.ts";
import type { Keys } from "../src/counters/keys.ts";
import { raiseCounter } from "../src/counters/raise-counter.ts";
import { monthLabelOf, type TakeReply } from "../src/counters/take-arguments.ts";
import { rebaseQuota } from "../src/limits/quota.ts";
import { type Period, periodHolding } from "../src/limits/quota-period.ts";
import type { UsageRow } from "../src/usage/usage-totals.ts";
import { counterName } from "./names.ts";

export type StoredCounter = Readonly<{ kind: "counter"; generation: number; token: number; state: CounterState }>;
export type StoredSum = Readonly<{ kind: "sum"; tenant: string; incarnation: string; field: string; total: number }>;
type Stored =
  | StoredCounter
  | StoredSum
  | Readonly<{ kind: "request"; untilMs: number }>
  | Readonly<{ kind: "adjustment"; adjusted: Extract<Adjusted, { kind: "adjusted" }> }>;

export type TakeCommand = Readonly<{
  order: Take;
  day: Period;
  rows: readonly UsageRow[];
  incarnation: string;
  /** What this process has acknowledged under each row when it sent the take. */
  acknowledged: readonly number[];
  validUntilMs: number;
  shardToken: number;
}>;

const NEVER_TAKEN: StoredCounter = { kind: "counter", generation: 0, token: 0, state: EMPTY_COUNTER };

export class ModelRedis {
  readonly keys: Keys;
  /** The arithmetic of a raise. */
  raiseCounter = raiseCounter;
  /** Greater after every failover and every restart. */
  token = 1;
  readonly #nowMs: () => number;
  #clockAheadMs = 0;
  #values = new Map<string, Stored>();
  #writes: { atMs: number; key: string; value: Stored | null }[] = [];

  /** `nowMs` is the time of the simulation, from which this shard's clock may differ. */
  constructor(keys: Keys, nowMs: () => number) {
    this.keys = keys;
    this.#nowMs = nowMs;
  }

  /** TIME, in ms. */
  get clockMs(): number {
    return Math.floor(this.#nowMs() + this.#clockAheadMs);
  }

  stepClock(byMs: number): void {
    this.#clockAheadMs += byMs;
  }

  flushAll(): void {
    this.#values = new Map();
    this.#writes = [];
  }

  /** Another server goes on with what it had heard of `lagMs` ago. */
  failOver(lagMs: number): void {
    const heardUntilMs = this.#nowMs() - lagMs;
    this.#writes = this.#writes.filter(({ atMs }) => atMs <= heardUntilMs);
    this.#values = new Map();
    for (const { key, value } of this.#writes) this.#put(key, value);
    this.token += 1;
  }

  counterAt(key: string): StoredCounter | null {
    const stored = this.#values.get(key);
    return stored?.kind === "counter" ? stored : null;
  }

  sumAt(hash: string, field: string): StoredSum | null {
    const stored = this.#values.get(sumName(hash, field));
    return stored?.kind === "sum" ? stored : null;
  }

  /** Whoever left usage here. */
  incarnations(): Set<string> {
    return new Set([...this.#values.values()].flatMap((stored) => (stored.kind === "sum" ? [stored.incarnation] : [])));
  }

  sumsOf(incarnation: string): StoredSum[] {
    return [...this.#values.values()].filter(
      (stored) => stored.kind === "sum" && stored.incarnation === incarnation,
    ) as StoredSum[];
  }

  setCounter(key: string, counter: StoredCounter): void {
    this.#write(key, counter);
  }

  setSum(hash: string, sum: StoredSum): void {
    this.#write(sumName(hash, sum.field), sum);
  }

  forget(key: string): void {
    this.#write(key, null);
  }

  /** Everything is read before anything is written, as a script runs alone. */
  take(command: TakeCommand): TakeReply {
    const { order, day } = command;
    const nowMs = this.clockMs;
    if (nowMs > command.validUntilMs) return { kind: "too_late", nowMs };
    if (nowMs < day.startMs || nowMs >= day.endMs) return { kind: "outside_day", nowMs };
    const now = { nowMs, dayLabel: day.label, monthLabel: monthLabelOf(day.label) };
    const own = this.#ownCounter(order.tenant, command.shardToken);
    const changed = new Map<string, StoredCounter>();
    const checks = order.checks.map((_, i) => this.#decide(command, i, own, now, changed));
    for (const [key, counter] of changed) this.#write(key, counter);
    return { kind: "taken", ...now, generation: own.generation, rebased: 0, checks };
  }

  adjust(order: AdjustOrder): Adjusted {
    const known = this.#values.get(this.keys.adjustment(order.tenant, order.id));
    if (known?.kind === "adjustment") return { ...known.adjusted, replayed: true };
    const nowMs = this.clockMs;
    const day = periodHolding(order.periods.day, nowMs);
    const month = periodHolding(order.periods.month, nowMs);
    if (day === null || month === null) return { kind: "unavailable", cause: "store_error" };
    const now = { nowMs, dayLabel: day.label, monthLabel: month.label };
    const counters = order.changes.map((change) => {
      const key = counterName(this.keys, order.tenant, change, change.user ?? "");
      const stored = this.counterAt(key) ?? NEVER_TAKEN;
      const state = adjustCounter(stored.state, change.change, now);
      if (state !== stored.state) this.#write(key, { ...stored, state });
      return adjustedWindows(change.change, stored.state, state, now, stored.generation);
    });
    const adjusted = { kind: "adjusted", replayed: false, ...now, counters } as const;
    this.#write(this.keys.adjustment(order.tenant, order.id), { kind: "adjustment", adjusted });
    return adjusted;
  }

  /** The counter as it stands under `generation`. */
  adopt(counter: StoredCounter, generation: number): StoredCounter {
    if (counter.generation === generation) return counter;
    const { state } = counter;
    return {
      ...counter,
      generation,
      state: { ...state, quotaDay: rebaseQuota(state.quotaDay), month: rebaseQuota(state.month) },
    };
  }

  #ownCounter(tenant: string, token: number): StoredCounter {
    const stored = this.counterAt(this.keys.tenant(tenant));
    if (stored !== null && token <= stored.token) return stored;
    const before = stored ?? NEVER_TAKEN;
    const adopted = this.adopt(before, Math.max(this.clockMs, before.generation + 1));
    return { ...adopted, token: Math.max(token, before.token) };
  }

  #decide(
    { order, rows, incarnation, acknowledged }: TakeCommand,
    i: number,
    own: StoredCounter,
    now: Readonly<{ nowMs: number; dayLabel: number; monthLabel: number }>,
    changed: Map<string, StoredCounter>,
  ): TakenCheck {
    const { tenant } = order;
    const check = order.checks[i] as Take["checks"][number];
    const request = check.requestId === null ? null : this.keys.request(tenant, check.requestId);
    const known = request === null ? undefined : this.#values.get(request);
    const replayed = known?.kind === "request" && known.untilMs > now.nowMs;
    const counters = check.claims.map((claim) => {
      const key = counterName(this.keys, tenant, claim, check.user);
      const stored =
        changed.get(key) ?? (key === this.keys.tenant(tenant) ? own : (this.counterAt(key) ?? NEVER_TAKEN));
      const adopted = this.adopt(stored, own.generation);
      const rebased = { ...adopted, state: rebaseCounter(adopted.state, windowsOf(claim), now.nowMs) };
      if (rebased.state !== adopted.state) changed.set(key, rebased);
      return { key, claim, counter: rebased };
    });
    const rolled = counters.map(({ counter }) => rollCounter(counter.state, now.nowMs, now.dayLabel, now.monthLabel));
    const admits = counters.every(({ claim }, n) =>
      counterAdmits(rolled[n] as CounterState, claim, check.cost, now.nowMs, now),
    );
    if (replayed || !admits || check.cost === 0)
      return { admitted: admits || replayed, replayed, overflowed: false, states: rolled };
    const states = counters.map(({ key, claim, counter }) => {
      const state = takeCounter(counter.state, windowsOf(claim), check.cost, now.nowMs, now);
      changed.set(key, { ...counter, state });
      return rollCounter(state, now.nowMs, now.dayLabel, now.monthLabel);
    });
    const ownKey = this.keys.tenant(tenant);
    if (!changed.has(ownKey)) changed.set(ownKey, own);
    if (request !== null) this.#write(request, { kind: "request", untilMs: now.nowMs + REPLAY_MS });
    const field = `${now.dayLabel}${rows[i]?.field}`;
    const hash = this.keys.usage(tenant, incarnation, now.dayLabel);
    const healed = Math.max(this.sumAt(hash, field)?.total ?? 0, acknowledged[i] ?? 0);
    this.setSum(hash, { kind: "sum", tenant, incarnation, field, total: healed + check.cost });
    return { admitted: true, replayed: false, overflowed: false, states };
  }

  #write(key: string, value: Stored | null): void {
    this.#writes.push({ atMs: this.#nowMs(), key, value });
    this.#put(key, value);
  }

  #put(key: string, value: Stored | null): void {
    if (value === null) this.#values.delete(key);
    else this.#values.set(key, value);
  }
}

function sumName(hash: string, field: string): string {
  return `${hash}\n${field}`;
}
