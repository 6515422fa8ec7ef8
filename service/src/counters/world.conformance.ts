// The words the conformance suite is written in: one tenant in one store, a clock to move, and short ways to ask.
import type { Scope, Window } from "@sluice/contract";
import { expect } from "vitest";
import { periodsAt } from "../limits/quota-period.ts";
import type { Adjusted, CounterChange } from "./adjust.ts";
import { windowUsed } from "./admission.ts";
import type { Claim, WindowLimit } from "./claim.ts";
import {
  ANONYMOUS_USER,
  type Answered,
  type Counters,
  type TakeCheck,
  type Taken,
  type TakenCheck,
} from "./counters.ts";
import type { Raised, RaisedCounter } from "./raise.ts";

/** Where every story begins: noon in UTC, the first instant of a second and a minute. */
export const NOON_MS = Date.parse("2026-11-22T12:00:00Z");
export const REPORT_API = "POST /v1/report/export";

/** Runs a story in a world of its own, whose tenant the store has never seen. */
export type InWorld = (story: (world: World) => Promise<void>) => Promise<void>;

type Change = Partial<CounterChange> & Pick<CounterChange, "scope" | "change">;
type Raise = Partial<RaisedCounter> & Pick<RaisedCounter, "scope" | "window" | "label" | "atLeast">;
type Asked = Partial<TakeCheck> & Pick<TakeCheck, "claims">;

/** One tenant in one store, with the clock to move and the words the tests are written in. */
export class World {
  static #adjustments = 0;
  readonly counters: Counters;
  readonly clock: { nowMs: number };
  readonly tenant: string;
  zone = "UTC";
  maxUsersPerDay = 1_000;
  /** Where the periods handed in are computed; null = at the store's clock. */
  periodsAtMs: number | null = null;
  readonly #listKeys: (() => Promise<string[]>) | undefined;

  constructor(counters: Counters, clock: { nowMs: number }, tenant: string, listKeys?: () => Promise<string[]>) {
    this.counters = counters;
    this.clock = clock;
    this.tenant = tenant;
    this.#listKeys = listKeys;
  }

  of(tenant: string): World {
    return new World(this.counters, this.clock, tenant, this.#listKeys);
  }

  try(...asked: readonly Asked[]): Promise<Taken> {
    const periods = periodsAt(this.zone, this.periodsAtMs ?? this.clock.nowMs);
    const checks = asked.map((check) => ({
      user: ANONYMOUS_USER,
      cost: 1,
      requestId: null,
      usageApi: REPORT_API,
      ...check,
    }));
    return this.counters.take({ tenant: this.tenant, periods, maxUsersPerDay: this.maxUsersPerDay, checks });
  }

  async take(...asked: readonly Asked[]): Promise<Answered> {
    const taken = await this.try(...asked);
    if (taken.kind === "unavailable") throw new Error(`the store was unavailable: ${taken.cause}`);
    return taken;
  }

  /** `changes` under an id of their own, unless one is given. */
  async adjust(changes: readonly Change[], id?: string): Promise<Extract<Adjusted, { kind: "adjusted" }>> {
    World.#adjustments += 1;
    const adjusted = await this.counters.adjust({
      id: id ?? `adjustment ${World.#adjustments}`,
      tenant: this.tenant,
      periods: periodsAt(this.zone, this.periodsAtMs ?? this.clock.nowMs),
      changes: changes.map((change) => ({ api: null, user: null, ...change })),
    });
    if (adjusted.kind === "unavailable") throw new Error(`the store was unavailable: ${adjusted.cause}`);
    return adjusted;
  }

  /** Under the tenant's present generation, unless another is given; says how many counters were below. */
  async raise(counters: readonly Raise[], generation?: number): Promise<number> {
    const raised = await this.tryRaise(counters, generation ?? (await this.generation()));
    if (raised.kind !== "raised") throw new Error(`nothing was raised: ${JSON.stringify(raised)}`);
    return raised.raised;
  }

  /** The tenant's, as a raise that asks for it is told. */
  async generation(): Promise<number> {
    const asked = await this.tryRaise([], 0);
    if (asked.kind !== "other_generation") throw new Error(`no generation: ${JSON.stringify(asked)}`);
    return asked.generation;
  }

  tryRaise(counters: readonly Raise[], generation: number): Promise<Raised> {
    return this.counters.raise({
      ...{ tenant: this.tenant, generation, periods: periodsAt(this.zone, this.periodsAtMs ?? this.clock.nowMs) },
      counters: counters.map((counter) => ({ api: null, user: null, ...counter })),
    });
  }

  async admit(asked: Asked): Promise<Answered> {
    const taken = await this.take(asked);
    expect(taken.checks[0]).toMatchObject({ admitted: true, replayed: false });
    return taken;
  }

  async refuse(asked: Asked): Promise<Answered> {
    const taken = await this.take(asked);
    expect(taken.checks[0]).toMatchObject({ admitted: false, replayed: false });
    return taken;
  }

  /** What the first check of a take leaves used in a window of its n-th claim. */
  used(taken: Answered, claimIndex: number, window: Window): number {
    return this.usedIn(taken, taken.checks[0], claimIndex, window);
  }

  usedIn(taken: Answered, check: TakenCheck | undefined, claimIndex: number, window: Window): number {
    const state = check?.states[claimIndex];
    if (state === undefined) throw new Error(`the take has no state of claim ${claimIndex}`);
    return windowUsed(state, window, taken.nowMs, taken);
  }

  /** This tenant's keys in the store, sorted; none where the store cannot list them. */
  async keys(): Promise<string[]> {
    const all = (await this.#listKeys?.()) ?? [];
    return all.filter((key) => key.includes(this.tenant)).sort();
  }
}

type Capacities = Partial<Record<Window, number>>;

export function claim(scope: Scope, enforced: Capacities, more: { api?: string; shadow?: Capacities } = {}): Claim {
  const limits = (capacities: Capacities): WindowLimit[] =>
    Object.entries(capacities).map(([window, capacity]) => ({
      window: window as Window,
      capacity,
      source: { policyId: "p-1", target: "TENANT", scope },
    }));
  return { scope, api: more.api ?? null, enforced: limits(enforced), shadow: limits(more.shadow ?? {}) };
}
