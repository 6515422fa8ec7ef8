// Corrections by hand: what a reset, a grant and a charge do to counters, once per id, alone and among takes.
import type { Scope, Window } from "@sluice/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_QUOTA_SUM } from "../limits/quota.ts";
import { periodHolding, periodsAt } from "../limits/quota-period.ts";
import { ADJUSTMENT_KNOWN_MS, type CounterChange, MAX_ADJUSTED_COUNTERS, type QuotaWindow } from "./adjust.ts";
import { OVERFLOW_USER, type TakeCheck } from "./counters.ts";
import { CounterModel } from "./model.conformance.ts";
import { claim, type InWorld, NOON_MS, REPORT_API, type World } from "./world.conformance.ts";

const ALL = ["second", "minute", "day", "quotaDay", "month"] as const;
const ALL_100 = { second: 100, minute: 100, day: 100, quotaDay: 100, month: 100 };
const reset = (...windows: Window[]) => ({ kind: "reset", windows }) as const;
const add = (window: QuotaWindow, amount: number) => ({ kind: "add", window, amount }) as const;

export function adjustSentences(inWorld: InWorld, endInRealTime: string | undefined): void {
  test("a reset leaves nothing used in the windows it names, in both buckets, and the others as they were", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", ALL_100)];
      await world.admit({ claims, cost: 60 });
      world.clock.nowMs += 60_000;
      await world.admit({ claims, cost: 10 });
      const { counters } = await world.adjust([{ scope: "TENANT", change: reset("minute", "quotaDay") }]);
      expect(counters).toMatchObject([
        [
          { window: "minute", before: 70, after: 0 },
          { window: "quotaDay", before: 70, after: 0 },
        ],
      ]);
      const looked = await world.take({ claims, cost: 0 });
      expect(ALL.map((window) => world.used(looked, 0, window))).toEqual([10, 0, 70, 0, 70]);
    }));

  test("a grant takes off what is used, a charge adds to it, and both say what was and what is", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { quotaDay: 100, month: 100 })];
      await world.admit({ claims, cost: 100 });
      await world.refuse({ claims });
      const granted = await world.adjust([{ scope: "TENANT", change: add("month", -30) }]);
      expect(granted).toMatchObject({ replayed: false, nowMs: NOON_MS, dayLabel: 20261122, monthLabel: 202611 });
      expect(granted.counters).toMatchObject([[{ window: "month", before: 100, after: 70 }]]);
      await world.refuse({ claims });
      await world.adjust([{ scope: "TENANT", change: add("quotaDay", -20) }]);
      await world.admit({ claims, cost: 20 });
      await world.refuse({ claims });
      const charged = await world.adjust([{ scope: "TENANT", change: add("month", 15) }]);
      expect(charged.counters).toMatchObject([[{ window: "month", before: 90, after: 105 }]]);
      await world.refuse({ claims: [claim("TENANT", { month: 104 })], cost: 0 });
    }));

  test("a grant beyond what is used frees the whole limit and no more, and says how much it took off", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { month: 100 })];
      await world.admit({ claims, cost: 40 });
      const { counters } = await world.adjust([{ scope: "TENANT", change: add("month", -1_000) }]);
      expect(counters).toMatchObject([[{ window: "month", before: 40, after: 0 }]]);
      await world.admit({ claims, cost: 100 });
      await world.refuse({ claims });
    }));

  test("a cut says how much came off what this generation took, and which it is; a charge goes to the base", () =>
    inWorld(async (world) => {
      await world.admit({ claims: [claim("TENANT", ALL_100)], cost: 40 });
      const generation = await world.generation();
      const adjusted = async (change: CounterChange["change"], id?: string) => {
        const { counters } = await world.adjust([{ scope: "TENANT", change }], id);
        return counters.flat().map(({ window, offSince, generation: of }) => [window, offSince, of]);
      };
      expect(await adjusted(add("month", 50))).toEqual([["month", 0, 0]]);
      expect(await adjusted(add("month", -30), "a")).toEqual([["month", 30, generation]]);
      expect(await adjusted(add("month", -30))).toEqual([["month", 10, generation]]);
      expect(await adjusted(add("month", -20))).toEqual([["month", 0, 0]]);
      expect(await adjusted(reset("day", "quotaDay", "month"))).toEqual([
        ["day", 0, 0],
        ["quotaDay", 40, generation],
        ["month", 0, 0],
      ]);
      expect(await adjusted(add("month", -30), "a")).toEqual([["month", 30, generation]]);
      const unknown = await world.adjust([{ scope: "TENANT_USER", user: "kim", change: reset("month") }]);
      expect(unknown.counters).toMatchObject([[{ offSince: 0, generation: 0 }]]);
    }));

  test("what a cut took off a period that the clock stepped back to is told of that one", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { quotaDay: 100 })];
      const midnightMs = Date.parse("2026-11-23T00:00:00Z");
      world.periodsAtMs = midnightMs;
      world.clock.nowMs = midnightMs - 1;
      await world.admit({ claims, cost: 8 });
      world.clock.nowMs = midnightMs;
      await world.admit({ claims, cost: 2 });
      world.clock.nowMs = midnightMs - 1_000;
      const { counters } = await world.adjust([{ scope: "TENANT", change: reset("quotaDay") }]);
      const generation = await world.generation();
      expect(counters).toEqual([[{ window: "quotaDay", before: 8, after: 0, offSince: 8, generation }]]);
    }));

  test("what is charged after a grant and taken after a reset adds up", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { month: 100 })];
      await world.adjust([{ scope: "TENANT", change: add("month", 50) }]);
      await world.admit({ claims, cost: 20 });
      const cut = await world.adjust([{ scope: "TENANT", change: add("month", -45) }]);
      expect(cut.counters).toMatchObject([[{ window: "month", before: 70, after: 25 }]]);
      await world.admit({ claims, cost: 5 });
      const cleared = await world.adjust([{ scope: "TENANT", change: reset("month") }]);
      expect(cleared.counters).toMatchObject([[{ window: "month", before: 30, after: 0 }]]);
      await world.admit({ claims, cost: 7 });
      expect(world.used(await world.take({ claims, cost: 0 }), 0, "month")).toBe(7);
    }));

  test("a charge ends at the greatest sum, and the next grant counts from there", () =>
    inWorld(async (world) => {
      await world.admit({ claims: [claim("TENANT", { month: 100 })], cost: 3 });
      const charge = { scope: "TENANT" as const, change: add("month", 10 ** 15) };
      const { counters } = await world.adjust(Array.from({ length: 10 }, () => charge));
      expect(counters.at(-1)).toMatchObject([{ window: "month", before: MAX_QUOTA_SUM, after: MAX_QUOTA_SUM }]);
      const granted = await world.adjust([{ scope: "TENANT", change: add("month", -1) }]);
      expect(granted.counters).toMatchObject([[{ window: "month", before: MAX_QUOTA_SUM, after: MAX_QUOTA_SUM - 1 }]]);
    }));

  test("each scope, user and API has its own counter to adjust, and an order changes several in turn", () =>
    inWorld(async (world) => {
      const claims = [
        claim("TENANT", { month: 100 }),
        claim("TENANT_API", { month: 100 }, { api: REPORT_API }),
        claim("TENANT_USER", { month: 100 }),
        claim("TENANT_USER_API", { month: 100 }, { api: REPORT_API }),
      ];
      for (const user of ["kim", "lee", ""]) await world.admit({ claims, user, cost: 10 });
      const { counters } = await world.adjust([
        { scope: "TENANT", change: add("month", -1) },
        { scope: "TENANT_API", api: REPORT_API, change: add("month", -2) },
        { scope: "TENANT_USER", user: "kim", change: add("month", -3) },
        { scope: "TENANT_USER_API", user: "kim", api: REPORT_API, change: add("month", -4) },
        { scope: "TENANT_USER", user: "", change: add("month", -5) },
        { scope: "TENANT_USER", user: "kim", change: add("month", 1) },
        { scope: "TENANT_API", api: "ANY /other", change: add("month", -6) },
      ]);
      const figures = counters.map(([one]) => [one?.before, one?.after]);
      expect(figures).toEqual([
        [30, 29],
        [30, 28],
        [10, 7],
        [10, 6],
        [10, 5],
        [7, 8],
        [0, 0],
      ]);
      const used = async (user: string) => {
        const looked = await world.take({ claims, user, cost: 0 });
        return claims.map((_, i) => world.used(looked, i, "month"));
      };
      expect(await used("kim")).toEqual([29, 28, 8, 6]);
      expect(await used("lee")).toEqual([29, 28, 10, 10]);
      expect(await used("")).toEqual([29, 28, 5, 10]);
    }));

  test("the counter that users beyond the day's bound share is adjusted by its own name", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT_USER", { month: 9 })];
      world.maxUsersPerDay = 1;
      await world.admit({ claims, user: "u1" });
      await world.admit({ claims, user: "u2", cost: 9 });
      await world.adjust([{ scope: "TENANT_USER", user: OVERFLOW_USER, change: reset("month") }]);
      await world.admit({ claims, user: "u3", cost: 9 });
    }));

  test("a reset and a grant create no key, and a charge creates a counter that the next take finds", () =>
    inWorld(async (world) => {
      const api = { scope: "TENANT_API", api: REPORT_API } as const;
      await world.adjust([
        { ...api, change: reset(...ALL) },
        { ...api, change: add("month", -5) },
      ]);
      const counters = (keys: string[]) => keys.filter((key) => !key.includes(":j:"));
      expect(counters(await world.keys())).toEqual([]);
      await world.adjust([{ ...api, change: add("month", 8) }]);
      await world.adjust([{ scope: "TENANT", change: add("quotaDay", 4) }]);
      const claims = [claim("TENANT", { quotaDay: 9 }), claim("TENANT_API", { month: 9 }, { api: REPORT_API })];
      const taken = await world.admit({ claims });
      expect([world.used(taken, 0, "quotaDay"), world.used(taken, 1, "month")]).toEqual([5, 9]);
      await world.refuse({ claims });
    }));

  test("a user who was charged before the first call is no new user", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT_USER", { month: 9 })];
      world.maxUsersPerDay = 0;
      await world.adjust([{ scope: "TENANT_USER", user: "kim", change: add("month", 1) }]);
      const taken = await world.admit({ claims, user: "kim" });
      expect(taken.checks[0]?.overflowed).toBe(false);
      expect(world.used(taken, 0, "month")).toBe(2);
    }));

  test("an id that is known changes nothing and is answered as it was, whatever happened since", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { month: 100 })];
      await world.admit({ claims, cost: 50 });
      const grant = [{ scope: "TENANT" as const, change: add("month", -20) }];
      const first = await world.adjust(grant, "a");
      await world.admit({ claims, cost: 5 });
      world.clock.nowMs += ADJUSTMENT_KNOWN_MS - 1;
      expect(await world.adjust(grant, "a")).toEqual({ ...first, replayed: true });
      expect(world.used(await world.take({ claims, cost: 0 }), 0, "month")).toBe(35);
      expect((await world.adjust(grant, "b")).counters).toMatchObject([[{ window: "month", before: 35, after: 15 }]]);
      const other = world.of(`${world.tenant}x`);
      expect(await other.adjust(grant, "a")).toMatchObject({ replayed: false });
    }));

  test("ten attempts at once under one id make one change", () =>
    inWorld(async (world) => {
      const charge = [{ scope: "TENANT" as const, change: add("month", 3) }];
      const answers = await Promise.all(Array.from({ length: 10 }, () => world.adjust(charge, "a")));
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(new Set(answers.map(({ counters }) => JSON.stringify(counters))).size).toBe(1);
      expect(world.used(await world.take({ claims: [claim("TENANT", { month: 9 })], cost: 0 }), 0, "month")).toBe(3);
    }));

  test("an id that is used with other changes, too many changes and half a name are mistakes that change nothing", () =>
    inWorld(async (world) => {
      const charge = { scope: "TENANT" as const, change: add("month", 3) };
      await world.adjust([charge], "a");
      await expect(world.adjust([{ ...charge, change: add("month", 4) }], "a")).rejects.toThrow(/other changes/);
      await expect(world.adjust(Array(MAX_ADJUSTED_COUNTERS + 1).fill(charge))).rejects.toThrow(RangeError);
      await expect(world.adjust([{ ...charge, scope: "TENANT_API" }])).rejects.toThrow(RangeError);
      await expect(world.adjust([{ ...charge, user: "kim" }])).rejects.toThrow(RangeError);
      expect(world.used(await world.take({ claims: [claim("TENANT", { month: 9 })], cost: 0 }), 0, "month")).toBe(3);
    }));

  test("the period is that of the store's clock: a new one is empty, one that the clock stepped back to is found", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { quotaDay: 100 })];
      const midnightMs = Date.parse("2026-11-23T00:00:00Z");
      world.periodsAtMs = midnightMs - 1;
      world.clock.nowMs = midnightMs - 1;
      await world.admit({ claims, cost: 8 });
      world.clock.nowMs = midnightMs;
      const opened = await world.adjust([{ scope: "TENANT", change: add("quotaDay", 5) }]);
      expect(opened).toMatchObject({ dayLabel: 20261123, counters: [[{ before: 0, after: 5 }]] });
      world.clock.nowMs = midnightMs - 1_000;
      const before = await world.adjust([{ scope: "TENANT", change: add("quotaDay", -3) }]);
      expect(before).toMatchObject({ dayLabel: 20261122, counters: [[{ before: 8, after: 5 }]] });
      world.clock.nowMs = midnightMs + 1_000;
      const after = await world.adjust([{ scope: "TENANT", change: reset("quotaDay") }]);
      expect(after).toMatchObject({ dayLabel: 20261123, counters: [[{ before: 5, after: 0 }]] });
    }));

  test("a cut opens no period, so that a clock which steps back finds the old one current", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { month: 100 })];
      await world.admit({ claims, cost: 8 });
      world.clock.nowMs = Date.parse("2026-12-01T00:00:00Z");
      const { counters } = await world.adjust([{ scope: "TENANT", change: reset("month") }]);
      expect(counters).toMatchObject([[{ window: "month", before: 0, after: 0 }]]);
      world.clock.nowMs = NOON_MS;
      expect(world.used(await world.take({ claims, cost: 0 }), 0, "month")).toBe(8);
    }));

  test("a clock outside the periods handed in adjusts nothing", () =>
    inWorld(async (world) => {
      for (const days of [2, -2]) {
        world.periodsAtMs = NOON_MS + days * 86_400_000;
        // May differ: memory throws, for its caller asks the very same clock; a store with a clock of its own is unavailable.
        await expect(world.adjust([{ scope: "TENANT", change: add("month", 3) }])).rejects.toThrow();
      }
      world.periodsAtMs = null;
      expect(await world.keys()).toEqual([]);
    }));

  test("adjustments among takes on a moving clock equal the model", { timeout: 60_000 }, () =>
    inWorld(async (world) => {
      let played = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { minLength: 3, maxLength: 15 }), async (drawn) => {
          played += 1;
          world.clock.nowMs = START_MS;
          await replay(drawn, world.of(`${world.tenant}.${played}`));
        }),
        { seed: 20261122, numRuns: 120 },
      );
    }),
  );

  // May differ: where remembered ids end by the store's real clock, the store's own tests look at their TTL instead.
  if (endInRealTime !== undefined) return;
  test("an adjustment's id is forgotten after a day", () =>
    inWorld(async (world) => {
      const charge = [{ scope: "TENANT" as const, change: add("month", 3) }];
      await world.adjust(charge, "a");
      world.clock.nowMs += ADJUSTMENT_KNOWN_MS;
      expect(await world.adjust(charge, "a")).toMatchObject({ replayed: false, counters: [[{ before: 3, after: 6 }]] });
    }));
}

/** Shortly before a month ends. */
const START_MS = Date.parse("2026-11-30T23:59:55.700Z");

const IDENTITIES: readonly (readonly [Scope, string | null, string | null])[] = [
  ["TENANT", null, null],
  ["TENANT_API", REPORT_API, null],
  ["TENANT_USER", null, "kim"],
  ["TENANT_USER_API", REPORT_API, "kim"],
];
const changes: fc.Arbitrary<CounterChange> = fc
  .tuple(
    fc.constantFrom(...IDENTITIES),
    fc.oneof(
      fc.subarray([...ALL], { minLength: 1 }).map((windows) => reset(...windows)),
      fc
        .tuple(fc.constantFrom("quotaDay", "month" as const), fc.integer({ min: -20, max: 20 }))
        .map(([window, amount]) => add(window, amount)),
    ),
  )
  .map(([[scope, api, user], change]) => ({ scope, api, user, change }));
const steps = fc.record({
  moveMs: fc.oneof(fc.nat(1_500), fc.nat(90_000), fc.integer({ min: -3_000, max: 0 }), fc.constant(40_000_000)),
  cost: fc.nat(6),
  changes: fc.array(changes, { maxLength: 3 }),
});
type Step = typeof steps extends fc.Arbitrary<infer One> ? One : never;

const CLAIMS = IDENTITIES.map(([scope, api]) =>
  claim(scope, { second: 9, minute: 12, day: 30, quotaDay: 25, month: 28 }, api === null ? {} : { api }),
);

async function replay(drawn: readonly Step[], world: World): Promise<void> {
  const model = new CounterModel();
  for (const step of drawn) {
    world.clock.nowMs += step.moveMs;
    const { nowMs } = world.clock;
    const periods = periodsAt("UTC", nowMs);
    const labels = { dayLabel: periods.day.current.label, monthLabel: periodHolding(periods.month, nowMs)?.label ?? 0 };
    const adjusted = await world.adjust(step.changes);
    const generation = await world.generation();
    const corrected = step.changes.map((one) => model.adjust(world.tenant, one, nowMs, labels, generation));
    expect(adjusted.counters).toEqual(corrected);
    const check: TakeCheck = { claims: CLAIMS, user: "kim", cost: step.cost, requestId: null, usageApi: REPORT_API };
    const taken = await world.take(check);
    const { admitted, states } = model.take(world.tenant, check, nowMs, labels);
    expect(taken.checks[0]?.admitted).toBe(admitted);
    const usedIn = (of: typeof states) =>
      CLAIMS.map((_, i) =>
        ALL.map((window) => world.usedIn(taken, { ...taken.checks[0], states: of } as never, i, window)),
      );
    expect(usedIn(taken.checks[0]?.states ?? [])).toEqual(usedIn(states));
  }
}
