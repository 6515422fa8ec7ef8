// Raises: what they do to quotas, once and again, in any order, alone and among takes.
import type { Scope } from "@sluice/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_QUOTA_SUM } from "../limits/quota.ts";
import { periodHolding, periodsAt } from "../limits/quota-period.ts";
import { OVERFLOW_USER, type TakeCheck } from "./counters.ts";
import { CounterModel } from "./model.conformance.ts";
import { MAX_RAISED_COUNTERS, type RaisedCounter } from "./raise.ts";
import { claim, type InWorld, NOON_MS, REPORT_API, type World } from "./world.conformance.ts";

const DAY = 20261122;
const MONTH = 202611;
const QUOTAS = [claim("TENANT", { quotaDay: 1_000, month: 1_000 })];
const monthOf = (atLeast: number, usedAtLeast = 0, label = MONTH) =>
  ({ scope: "TENANT", window: "month", label, atLeast, usedAtLeast }) as const;
const dayOf = (atLeast: number, label = DAY) => ({ scope: "TENANT", window: "quotaDay", label, atLeast }) as const;

export function raiseSentences(inWorld: InWorld): void {
  const used = async (world: World, window: "quotaDay" | "month", claims = QUOTAS, user = "") =>
    world.used(await world.take({ claims, user, cost: 0 }), 0, window);

  test("a raise lifts a quota to the sum and beside it stands what this generation takes; again it changes nothing", () =>
    inWorld(async (world) => {
      await world.admit({ claims: QUOTAS, cost: 5 });
      expect(await world.raise([monthOf(100)])).toBe(1);
      expect([await used(world, "month"), await used(world, "quotaDay")]).toEqual([105, 5]);
      expect(await world.raise([monthOf(100)])).toBe(0);
      expect(await world.raise([monthOf(60)])).toBe(0);
      await world.admit({ claims: QUOTAS, cost: 3 });
      expect(await world.raise([monthOf(100)])).toBe(0);
      expect(await world.raise([monthOf(120), dayOf(7)])).toBe(2);
      expect([await used(world, "month"), await used(world, "quotaDay")]).toEqual([128, 15]);
    }));

  test("a limit that was reached is reached again after the raise", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { month: 100 })];
      await world.admit({ claims });
      await world.raise([monthOf(99)]);
      await world.refuse({ claims });
    }));

  test("the sum over all generations lifts only what is missing of it", () =>
    inWorld(async (world) => {
      await world.admit({ claims: QUOTAS, cost: 40 });
      expect(await world.raise([monthOf(0, 40)])).toBe(0);
      expect(await world.raise([monthOf(0, 100)])).toBe(1);
      expect(await used(world, "month")).toBe(100);
      expect(await world.raise([monthOf(60, 100)])).toBe(0);
      expect(await world.raise([monthOf(70, 100)])).toBe(1);
      expect(await used(world, "month")).toBe(110);
    }));

  test("what comes late after a cut is found by the sum over all", () =>
    inWorld(async (world) => {
      await world.admit({ claims: QUOTAS, cost: 40 });
      await world.raise([monthOf(100, 140)]);
      await world.adjust([{ scope: "TENANT", change: { kind: "add", window: "month", amount: -60 } }]);
      await world.raise([monthOf(100 - 60, 140 - 60)]);
      expect(await used(world, "month")).toBe(80);
      await world.raise([monthOf(120 - 60, 160 - 60)]);
      expect(await used(world, "month")).toBe(100);
    }));

  test("under another generation than the present one nothing happens, and it says which that is", () =>
    inWorld(async (world) => {
      await world.admit({ claims: QUOTAS, cost: 5 });
      const generation = await world.generation();
      expect(generation).toBeGreaterThan(0);
      for (const other of [0, generation - 1, generation + 1]) {
        expect(await world.tryRaise([monthOf(100)], other)).toEqual({ kind: "other_generation", generation });
      }
      expect(await used(world, "month")).toBe(5);
    }));

  test("each scope, user and API has its own quota to raise, known or not, and an order raises several", () =>
    inWorld(async (world) => {
      const claims = [
        claim("TENANT", { month: 1_000 }),
        claim("TENANT_API", { month: 1_000 }, { api: REPORT_API }),
        claim("TENANT_USER", { month: 1_000 }),
        claim("TENANT_USER_API", { month: 1_000 }, { api: REPORT_API }),
      ];
      await world.admit({ claims, user: "kim" });
      const ofMonth = { window: "month", label: MONTH } as const;
      const raised = await world.raise([
        { ...ofMonth, scope: "TENANT", atLeast: 1 },
        { ...ofMonth, scope: "TENANT_API", api: REPORT_API, atLeast: 2 },
        { ...ofMonth, scope: "TENANT_USER", user: "kim", atLeast: 3 },
        { ...ofMonth, scope: "TENANT_USER", user: "", atLeast: 4 },
        { ...ofMonth, scope: "TENANT_USER_API", user: "lee", api: REPORT_API, atLeast: 5 },
        { ...ofMonth, scope: "TENANT_USER", user: OVERFLOW_USER, atLeast: 6 },
        { ...ofMonth, scope: "TENANT_API", api: "ANY /other", atLeast: 0 },
      ]);
      expect(raised).toBe(6);
      const usedBy = async (user: string) => {
        const looked = await world.take({ claims, user, cost: 0 });
        return claims.map((_, i) => world.used(looked, i, "month"));
      };
      expect(await usedBy("kim")).toEqual([2, 3, 4, 1]);
      expect(await usedBy("")).toEqual([2, 3, 4, 0]);
      expect(await usedBy("lee")).toEqual([2, 3, 0, 5]);
      expect(await usedBy(OVERFLOW_USER)).toEqual([2, 3, 6, 0]);
    }));

  test("the two latest periods are raised in whatever order they come, and older ones are ignored", () =>
    inWorld(async (world) => {
      const midnightMs = Date.parse("2026-11-23T00:00:00Z");
      const labels = [20261121, DAY, 20261123];
      const orders = [
        [0, 1, 2],
        [2, 1, 0],
        [2, 0, 1],
        [1, 0, 2],
      ];
      for (const [played, order] of orders.entries()) {
        const story = world.of(`${world.tenant}.${played}`);
        world.clock.nowMs = NOON_MS;
        await story.admit({ claims: [claim("TENANT", { month: 1_000 })] });
        world.clock.nowMs = midnightMs;
        for (const i of order) await story.raise([dayOf(10 + i, labels[i])]);
        expect(await used(story, "quotaDay")).toBe(12);
        world.clock.nowMs = midnightMs - 1_000;
        expect(await used(story, "quotaDay")).toBe(11);
        expect(await story.raise([dayOf(99, labels[0])])).toBe(0);
      }
    }));

  test("a raise ends at the greatest sum", () =>
    inWorld(async (world) => {
      await world.admit({ claims: QUOTAS, cost: 3 });
      await world.raise([monthOf(9 * 10 ** 15)]);
      expect(await used(world, "month")).toBe(MAX_QUOTA_SUM);
    }));

  test("a sum of nothing, or less, makes no counter", () =>
    inWorld(async (world) => {
      await world.admit({ claims: QUOTAS });
      const before = await world.keys();
      const ofUser = { scope: "TENANT_USER", user: "kim", window: "month", label: MONTH } as const;
      expect(
        await world.raise([
          { ...ofUser, atLeast: 0 },
          { ...ofUser, atLeast: -5, usedAtLeast: -3 },
        ]),
      ).toBe(0);
      expect(await world.keys()).toEqual(before);
    }));

  test("an order of too many counters, or of one that is named wrongly, is a broken promise", () =>
    inWorld(async (world) => {
      await world.admit({ claims: QUOTAS });
      const tooMany = Array.from({ length: MAX_RAISED_COUNTERS + 1 }, () => monthOf(1));
      await expect(world.raise(tooMany)).rejects.toThrow(RangeError);
      await expect(world.raise([{ ...monthOf(1), user: "kim" }])).rejects.toThrow(RangeError);
      await expect(world.raise([{ ...monthOf(1), scope: "TENANT_API" }])).rejects.toThrow(RangeError);
    }));

  test("a clock outside the periods handed in raises nothing", () =>
    inWorld(async (world) => {
      await world.admit({ claims: QUOTAS, cost: 5 });
      const generation = await world.generation();
      for (const days of [2, -2]) {
        world.periodsAtMs = NOON_MS + days * 86_400_000;
        // May differ: memory throws, for its caller asks the very same clock; a store with a clock of its own is unavailable.
        await expect(world.raise([monthOf(100)], generation)).rejects.toThrow();
      }
      world.periodsAtMs = null;
      expect(await used(world, "month")).toBe(5);
    }));

  test("raises among takes on a moving clock equal the model", { timeout: 60_000 }, () =>
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
}

/** Shortly before a month ends. */
const START_MS = Date.parse("2026-11-30T23:59:55.700Z");

const IDENTITIES: readonly (readonly [Scope, string | null, string | null])[] = [
  ["TENANT", null, null],
  ["TENANT_API", REPORT_API, null],
  ["TENANT_USER", null, "kim"],
  ["TENANT_USER_API", REPORT_API, "kim"],
];
const raises = fc.record({
  identity: fc.constantFrom(...IDENTITIES),
  window: fc.constantFrom("quotaDay" as const, "month" as const),
  period: fc.constantFrom("previous" as const, "current" as const, "next" as const),
  atLeast: fc.integer({ min: -2, max: 30 }),
  usedAtLeast: fc.oneof(fc.constant(0), fc.nat(30)),
});
const steps = fc.record({
  // An hour in all, after which a store may forget periods that have ended.
  moveMs: fc.oneof(fc.nat(1_500), fc.nat(200_000), fc.integer({ min: -3_000, max: 0 })),
  cost: fc.nat(6),
  raises: fc.array(raises, { maxLength: 3 }),
});
type Step = typeof steps extends fc.Arbitrary<infer One> ? One : never;

const CLAIMS = IDENTITIES.map(([scope, api]) => claim(scope, { quotaDay: 25, month: 28 }, api === null ? {} : { api }));

async function replay(drawn: readonly Step[], world: World): Promise<void> {
  const model = new CounterModel();
  await world.admit({ claims: [claim("TENANT", { second: 9 })] });
  for (const step of drawn) {
    world.clock.nowMs += step.moveMs;
    const { nowMs } = world.clock;
    const periods = periodsAt("UTC", nowMs);
    const labels = { dayLabel: periods.day.current.label, monthLabel: periodHolding(periods.month, nowMs)?.label ?? 0 };
    const counters = step.raises.map(({ identity: [scope, api, user], window, period, ...sums }): RaisedCounter => {
      const { label } = (window === "month" ? periods.month : periods.day)[period];
      return { scope, api, user, window, label, ...sums };
    });
    const below = counters.filter((counter) => model.raise(world.tenant, counter));
    expect(await world.raise(counters)).toBe(below.length);
    const check: TakeCheck = { claims: CLAIMS, user: "kim", cost: step.cost, requestId: null, usageApi: REPORT_API };
    const taken = await world.take(check);
    const { admitted, states } = model.take(world.tenant, check, nowMs, labels);
    expect(taken.checks[0]?.admitted).toBe(admitted);
    const usedIn = (of: typeof states) =>
      CLAIMS.flatMap((_, i) =>
        (["quotaDay", "month"] as const).map((window) =>
          world.usedIn(taken, { admitted, replayed: false, overflowed: false, states: of }, i, window),
        ),
      );
    expect(usedIn(taken.checks[0]?.states ?? [])).toEqual(usedIn(states));
  }
}
