// Quotas that a store loses, and their way back, as histories of everything that may happen to them in any order: takes
// (acknowledged, or run and never answered), rows written down late and in part, restores that read the rows at one time
// and raise at another, once, twice or never, adjustments, and the store losing everything or falling back to an older copy.
//
// What must hold after every step: no quota is above what was taken and adjusted. And once all is written down and a last
// restore has run: no quota is below what was acknowledged and adjusted; so it is exact where every answer arrived.
//
// Not here: an adjustment that a replica had not heard of when it was promoted. Nothing can lower a base again, so a cut that
// was lost so is strict; whoever adjusts may wait for the replica. And a restore that overlaps an adjustment: a lock
// keeps them apart (usage/restore.job.ts), which here means that an adjustment forgets what restores have read.
import type { Scope } from "@sluice/contract";
import fc from "fast-check";
import { expect } from "vitest";
import { waitFor } from "../../test/wait.ts";
import type { QuotaWindow } from "./adjust.ts";
import type { Answered, Counters } from "./counters.ts";
import type { RaisedCounter } from "./raise.ts";
import { claim, World } from "./world.conformance.ts";

export type LossyStore = Readonly<{
  counters: () => Counters;
  clock: { nowMs: number };
  /** Everything that the store knows of the tenant is gone. */
  lose: (tenant: string) => Promise<void>;
  /** A copy of all that is known of the tenant, and its promotion under a greater shard token; null where there is none. */
  replica: Readonly<{ copy: (tenant: string) => Promise<void>; promote: (tenant: string) => Promise<void> }> | null;
}>;

/** `tenant` must be new to the store. */
export async function replayLosses(drawn: readonly Loss[], store: LossyStore, tenant: string): Promise<void> {
  store.clock.nowMs = START_MS;
  const story = new Story(store, tenant);
  for (const step of drawn) {
    await story.play(step);
    await story.expectNothingAbove();
  }
  await story.restoreAll();
  await story.expectNothingAbove();
  await story.expectNothingBelow();
}

/** Shortly before a month ends. */
const START_MS = Date.parse("2026-11-30T23:59:50Z");
const USERS = ["kim", "lee"] as const;

/** The counters of a story; the second and third are of users. */
const COUNTERS: readonly Readonly<{ scope: Scope; user: string | null }>[] = [
  { scope: "TENANT", user: null },
  { scope: "TENANT_USER", user: "kim" },
  { scope: "TENANT_USER", user: "lee" },
];
const NEVER_REACHED = { quotaDay: 10 ** 9, month: 10 ** 9 };
const CLAIMS = [claim("TENANT", NEVER_REACHED), claim("TENANT_USER", NEVER_REACHED)];
const WINDOWS = ["quotaDay", "month"] as const;

const some = fc.nat(2 ** 16);
export const losses = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("take" as const),
        user: fc.constantFrom(...USERS),
        cost: fc.integer({ min: 1, max: 9 }),
        isAnswered: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("write" as const), some }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("read" as const), some }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("raise" as const), some }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("lose" as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("copy" as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("promote" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("adjust" as const),
        counter: fc.nat(2),
        window: fc.constantFrom(...WINDOWS),
        amount: fc.integer({ min: -15, max: 15 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("move" as const), ms: fc.nat(6_000) }) },
  ),
  { minLength: 4, maxLength: 40 },
);
type Loss = typeof losses extends fc.Arbitrary<readonly (infer One)[]> ? One : never;

type Quota = Readonly<{ counter: number; window: QuotaWindow; label: number }>;
/** What one process acknowledged of a quota in one generation, and how much of it is written down. */
type Row = { readonly quota: Quota; readonly generation: number; acknowledged: number; written: number };
type Order = Readonly<{ generation: number; counters: readonly RaisedCounter[] }>;

class Story {
  readonly #store: LossyStore;
  readonly #tenant: string;
  readonly #quotas = new Map<string, Quota>();
  readonly #rows = new Map<string, Row>();
  readonly #adjusted = new Map<string, number>();
  readonly #unanswered = new Map<string, number>();
  #read: Order[] = [];
  #hasCopy = false;

  constructor(store: LossyStore, tenant: string) {
    this.#store = store;
    this.#tenant = tenant;
  }

  async play(step: Loss): Promise<void> {
    switch (step.kind) {
      case "take":
        return this.#book(await this.#world().admit({ claims: CLAIMS, ...step }), step);
      case "write":
        return this.#write(step.some);
      case "read":
        return void this.#read.push(await this.#readRows(step.some));
      case "raise":
        return this.#raise(this.#read[step.some % Math.max(1, this.#read.length)]);
      case "lose":
        this.#store.clock.nowMs += 1;
        return this.#store.lose(this.#tenant);
      case "copy":
        this.#hasCopy = true;
        return this.#store.replica?.copy(this.#tenant);
      case "promote":
        this.#store.clock.nowMs += 1;
        return this.#hasCopy ? this.#store.replica?.promote(this.#tenant) : undefined;
      case "adjust":
        return this.#adjust(step);
      case "move":
        this.#store.clock.nowMs += step.ms;
    }
  }

  /** Everything is written down, and a restore runs that reads all of it. A tenant's first take makes its generation. */
  async restoreAll(): Promise<void> {
    const step = { user: "kim", cost: 1, isAnswered: true } as const;
    this.#book(await this.#world().admit({ claims: CLAIMS, ...step }), step);
    this.#write(-1);
    await this.#raise(await this.#readRows(-1));
  }

  async expectNothingAbove(): Promise<void> {
    for (const [name, used] of await this.#used()) {
      expect(used, `${name} is above`).toBeLessThanOrEqual(this.#known(name) + (this.#unanswered.get(name) ?? 0));
    }
  }

  async expectNothingBelow(): Promise<void> {
    for (const [name, used] of await this.#used()) {
      expect(used, `${name} is below`).toBeGreaterThanOrEqual(this.#known(name));
    }
  }

  #book(taken: Answered, { user, cost, isAnswered }: { user: string; cost: number; isAnswered: boolean }): void {
    const { dayLabel, monthLabel, generation } = taken;
    for (const [counter, { user: owner }] of COUNTERS.entries()) {
      if (owner !== null && owner !== user) continue;
      for (const window of WINDOWS) {
        const quota = { counter, window, label: window === "month" ? monthLabel : dayLabel };
        if (!isAnswered) grow(this.#unanswered, nameOf(quota), cost);
        else this.#rowOf(quota, generation).acknowledged += cost;
      }
    }
  }

  #rowOf(quota: Quota, generation: number): Row {
    const name = `${this.#noted(quota)} ${generation}`;
    const row = this.#rows.get(name) ?? { quota, generation, acknowledged: 0, written: 0 };
    this.#rows.set(name, row);
    return row;
  }

  #noted(quota: Quota): string {
    this.#quotas.set(nameOf(quota), quota);
    return nameOf(quota);
  }

  /** Some rows are written down as they stand, chosen by the bits of a number. */
  #write(bits: number): void {
    for (const [i, row] of [...this.#rows.values()].entries()) if (isChosen(bits, i)) row.written = row.acknowledged;
  }

  /** What a restore would raise some quotas to now. */
  async #readRows(bits: number): Promise<Order> {
    const generation = await this.#world().generation();
    const counters = [...this.#quotas.values()]
      .filter((_, i) => isChosen(bits, i))
      .map(({ counter, window, label }) => {
        const name = nameOf({ counter, window, label });
        const rows = [...this.#rows.values()].filter(({ quota }) => nameOf(quota) === name);
        const sum = (of: readonly Row[]) =>
          of.reduce((total, { written }) => total + written, this.#adjusted.get(name) ?? 0);
        const { scope = "TENANT", user = null } = COUNTERS[counter] ?? {};
        const atLeast = sum(rows.filter((row) => row.generation !== generation));
        return { scope, api: null, user, window, label, atLeast, usedAtLeast: sum(rows) };
      });
    return { generation, counters };
  }

  async #raise(order: Order | undefined): Promise<void> {
    if (order === undefined) return;
    const { counters, generation } = order;
    // A busy machine may leave one unanswered, which may be sent again.
    await waitFor("a raise is answered", async () => {
      return (await this.#world().tryRaise(counters, generation)).kind !== "unavailable";
    });
  }

  async #adjust({ counter, window, amount }: Extract<Loss, { kind: "adjust" }>): Promise<void> {
    const { scope = "TENANT", user = null } = COUNTERS[counter] ?? {};
    const change = { kind: "add", window, amount } as const;
    const { dayLabel, monthLabel, counters } = await this.#world().adjust([{ scope, user, change }]);
    const [{ before, after } = { before: 0, after: 0 }] = counters[0] ?? [];
    const label = window === "month" ? monthLabel : dayLabel;
    grow(this.#adjusted, this.#noted({ counter, window, label }), after - before);
    this.#read = [];
    this.#hasCopy = false;
  }

  /** What is used of every quota in its present period, by name. */
  async #used(): Promise<Map<string, number>> {
    const used = new Map<string, number>();
    const world = this.#world();
    for (const [counter, { user }] of COUNTERS.entries()) {
      const looked = await world.take({ claims: CLAIMS, user: user ?? "kim", cost: 0 });
      for (const window of WINDOWS) {
        const label = window === "month" ? looked.monthLabel : looked.dayLabel;
        used.set(nameOf({ counter, window, label }), world.used(looked, user === null ? 0 : 1, window));
      }
    }
    return used;
  }

  /** Acknowledged and adjusted. */
  #known(name: string): number {
    const rows = [...this.#rows.values()].filter(({ quota }) => nameOf(quota) === name);
    return rows.reduce((sum, { acknowledged }) => sum + acknowledged, this.#adjusted.get(name) ?? 0);
  }

  #world(): World {
    return new World(this.#store.counters(), this.#store.clock, this.#tenant);
  }
}

function nameOf({ counter, window, label }: Quota): string {
  return `${COUNTERS[counter]?.user ?? "tenant"} ${window} ${label}`;
}

function grow(sums: Map<string, number>, name: string, by: number): void {
  sums.set(name, (sums.get(name) ?? 0) + by);
}

function isChosen(bits: number, i: number): boolean {
  return (bits & (1 << (i % 16))) !== 0;
}
