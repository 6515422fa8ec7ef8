// All or nothing: what one take does to the counters it names, alone, in order and beside others.
import { expect, test } from "vitest";
import { MAX_CHECKS_PER_TAKE } from "./counters.ts";
import { claim, type InWorld, NOON_MS, REPORT_API } from "./world.conformance.ts";

export function takingSentences(inWorld: InWorld): void {
  test("a take is admitted while every limit of every scope admits it, and says what it left", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { minute: 10, month: 100 }), claim("TENANT_USER", { second: 5 })];
      const taken = await world.take({ claims, user: "kim", cost: 3 });
      expect(taken.checks[0]).toMatchObject({ admitted: true, replayed: false, overflowed: false });
      expect(taken.nowMs).toBe(NOON_MS);
      expect(world.used(taken, 0, "minute")).toBe(3);
      expect(world.used(taken, 0, "month")).toBe(3);
      expect(world.used(taken, 1, "second")).toBe(3);
    }));

  test("a refused take changes no counter of any scope or window", () =>
    inWorld(async (world) => {
      const claims = [
        claim("TENANT", { second: 100, minute: 100, day: 100, quotaDay: 100, month: 100 }),
        claim("TENANT_API", { minute: 100 }, { api: REPORT_API }),
        claim("TENANT_USER_API", { month: 3 }, { api: REPORT_API }),
      ];
      await world.admit({ claims, user: "kim", cost: 3 });
      const refused = await world.refuse({ claims, user: "kim", cost: 1 });
      const looked = await world.take({ claims, user: "kim", cost: 0 });
      for (const taken of [refused, looked]) {
        for (const window of ["second", "minute", "day", "quotaDay", "month"] as const) {
          expect(world.used(taken, 0, window)).toBe(3);
        }
        expect(world.used(taken, 1, "minute")).toBe(3);
        expect(world.used(taken, 2, "month")).toBe(3);
      }
    }));

  test.each(["second", "minute", "day", "quotaDay", "month"] as const)(
    "the limit of window %s alone refuses",
    (window) =>
      inWorld(async (world) => {
        const claims = [claim("TENANT", { second: 9, minute: 9, day: 9, quotaDay: 9, month: 9, [window]: 4 })];
        await world.admit({ claims, cost: 4 });
        await world.refuse({ claims, cost: 1 });
      }),
  );

  test("a refused take and a look write no key", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { minute: 2 }), claim("TENANT_USER", { month: 2 })];
      await world.refuse({ claims, user: "kim", cost: 3, requestId: "refused" });
      await world.take({ claims, user: "kim", cost: 0, requestId: "look" });
      expect(await world.keys()).toEqual([]);
      await world.admit({ claims, user: "kim", cost: 2 });
      const before = await world.keys();
      await world.refuse({ claims, user: "lee", cost: 1, requestId: "refused" });
      await world.take({ claims, user: "park", cost: 0, requestId: "look" });
      expect(await world.keys()).toEqual(before);
    }));

  test("a look is decided like any cost and takes nothing", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { minute: 5 })];
      await world.admit({ claims, cost: 0 });
      await world.admit({ claims, cost: 5 });
      const full = await world.take({ claims, cost: 0 });
      expect(full.checks[0]?.admitted).toBe(true);
      expect(world.used(full, 0, "minute")).toBe(5);
      await world.refuse({ claims: [claim("TENANT", { minute: 4 })], cost: 0 });
    }));

  test("200 concurrent takes are admitted up to the limit exactly, and the refused leave no trace", () =>
    inWorld(async (world) => {
      const users = ["u1", "u2", "u3", "u4"];
      const claims = [
        claim("TENANT", { day: 110, month: 10_000 }),
        claim("TENANT_API", { day: 10_000 }, { api: REPORT_API }),
        claim("TENANT_USER", { day: 30 }),
      ];
      const takes = Array.from({ length: 200 }, (_, i) =>
        world.take({ claims, user: users[i % 4] ?? "kim", cost: 1 + (i % 2) }),
      );
      const admitted = (await Promise.all(takes)).flatMap((taken, i) => (taken.checks[0]?.admitted ? [i] : []));
      const costOf = (some: number[]) => some.reduce((sum, i) => sum + 1 + (i % 2), 0);
      const looks = await Promise.all(users.map((user) => world.take({ claims, user, cost: 0 })));
      for (const [n, looked] of looks.entries()) {
        expect(world.used(looked, 2, "day")).toBe(costOf(admitted.filter((i) => i % 4 === n)));
        expect(world.used(looked, 2, "day")).toBeLessThanOrEqual(30);
        expect(world.used(looked, 0, "day")).toBe(110);
        expect(world.used(looked, 0, "month")).toBe(110);
        expect(world.used(looked, 1, "day")).toBe(110);
      }
      expect(costOf(admitted)).toBe(110);
    }));

  test("checks of one take are decided in order, each seeing the ones before it", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { minute: 5 })];
      const taken = await world.take(
        { claims, cost: 3 },
        { claims, cost: 3 },
        { claims, cost: 0 },
        { claims, cost: 2 },
        { claims, cost: 1 },
      );
      expect(taken.checks.map((check) => check.admitted)).toEqual([true, false, true, true, false]);
      expect(taken.checks.map((check) => world.usedIn(taken, check, 0, "minute"))).toEqual([3, 3, 3, 5, 5]);
    }));

  test("one take carries up to 16 checks of different counters", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { minute: 12 }), claim("TENANT_USER", { minute: 1 })];
      const checks = Array.from({ length: MAX_CHECKS_PER_TAKE }, (_, i) => ({ claims, user: `u${i % 15}`, cost: 1 }));
      const taken = await world.take(...checks);
      expect(taken.checks.map((check) => check.admitted)).toEqual(checks.map((_, i) => i < 12));
      expect(world.usedIn(taken, taken.checks[15], 0, "minute")).toBe(12);
      expect(world.usedIn(taken, taken.checks[15], 1, "minute")).toBe(1);
    }));

  test("a shadow limit takes above itself and never refuses", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", {}, { shadow: { minute: 2 } })];
      for (let i = 0; i < 5; i += 1) await world.admit({ claims, cost: 1 });
      expect(world.used(await world.take({ claims, cost: 0 }), 0, "minute")).toBe(5);
    }));

  test("a shadow limit takes only what is admitted, and a window it shares with an enforced one is counted once", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { minute: 4 }, { shadow: { minute: 1, month: 1 } })];
      await world.admit({ claims, cost: 3 });
      const refused = await world.refuse({ claims, cost: 2 });
      expect(world.used(refused, 0, "minute")).toBe(3);
      expect(world.used(refused, 0, "month")).toBe(3);
    }));
}
