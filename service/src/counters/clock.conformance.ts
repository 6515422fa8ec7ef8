// Windows and periods as the store's clock moves: forward by a tick, over midnights, back, and out of the calendar.
import { expect, test } from "vitest";
import { windowRemaining } from "./admission.ts";
import { claim, type InWorld, NOON_MS } from "./world.conformance.ts";

export function clockSentences(inWorld: InWorld): void {
  test("a sliding window opens by the tick", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { minute: 100 })];
      world.clock.nowMs = NOON_MS + 59_999;
      await world.admit({ claims, cost: 100 });
      world.clock.nowMs = NOON_MS + 60_000 + 599;
      await world.refuse({ claims });
      world.clock.nowMs += 1;
      await world.admit({ claims });
      await world.refuse({ claims });
      world.clock.nowMs = NOON_MS + 180_000;
      await world.admit({ claims, cost: 100 });
    }));

  test("sums beyond the greatest limit stay exact", () =>
    inWorld(async (world) => {
      const huge = claim("TENANT", {
        second: 10 ** 10,
        minute: 10 ** 10,
        day: 10 ** 10,
        quotaDay: 10 ** 15,
        month: 10 ** 15,
      });
      const taken = await world.take(...Array.from({ length: 16 }, () => ({ claims: [huge], cost: 1_000_000 })));
      const last = taken.checks[15];
      for (const window of ["second", "minute", "day", "quotaDay", "month"] as const) {
        expect(world.usedIn(taken, last, 0, window)).toBe(16_000_000);
      }
      const state = last?.states[0];
      expect(state && windowRemaining(state, "month", 10 ** 15, taken.nowMs, taken)).toBe(10 ** 15 - 16_000_000);
    }));

  test("a clock that steps back reopens no sliding window, and after two windows all is free", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { minute: 10 })];
      await world.admit({ claims, cost: 10 });
      world.clock.nowMs = NOON_MS + 66_000;
      await world.admit({ claims, cost: 1 });
      world.clock.nowMs = NOON_MS + 59_000;
      await world.refuse({ claims });
      await world.refuse({ claims: [claim("TENANT", { minute: 10 })], cost: 0 });
      world.clock.nowMs = NOON_MS + 59_000 + 120_000;
      await world.admit({ claims, cost: 10 });
    }));

  test("a full window that finds the clock far back waits two windows, not for the old clock", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { second: 10 })];
      await world.admit({ claims, cost: 10 });
      world.clock.nowMs = NOON_MS - 1_000_000;
      const before = await world.keys();
      await world.refuse({ claims, cost: 10 });
      expect(await world.keys()).toEqual(before);
      world.clock.nowMs += 1_000;
      await world.refuse({ claims, cost: 10 });
      world.clock.nowMs += 1_000;
      await world.admit({ claims, cost: 10 });
    }));

  test("re-basing one window by a look leaves the others, so that no period opens", () =>
    inWorld(async (world) => {
      const midnightMs = Date.parse("2026-11-23T00:00:00Z");
      world.clock.nowMs = midnightMs;
      world.periodsAtMs = midnightMs;
      await world.admit({ claims: [claim("TENANT", { second: 10 })] });
      world.clock.nowMs = midnightMs - 1;
      await world.take({ claims: [claim("TENANT", { second: 10, quotaDay: 10 })], cost: 0 });
      world.clock.nowMs = midnightMs;
      await world.admit({ claims: [claim("TENANT", { quotaDay: 10 })], cost: 10 });
      world.clock.nowMs = midnightMs - 1;
      await world.refuse({ claims: [claim("TENANT", { quotaDay: 10 })] });
    }));

  test("re-basing is stored as well when the same take took from the counter before", () =>
    inWorld(async (world) => {
      const second = [claim("TENANT", { second: 10 })];
      await world.admit({ claims: second, cost: 10 });
      world.clock.nowMs = NOON_MS - 1_000;
      await world.take({ claims: [claim("TENANT", { minute: 10 })] }, { claims: second });
      world.clock.nowMs = NOON_MS + 1_000;
      await world.admit({ claims: second, cost: 10 });
    }));

  test("quotas open at the tenant's midnight and month's end by the store's clock, and the take says the labels", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { quotaDay: 2, month: 3 })];
      world.zone = "Asia/Seoul";
      world.clock.nowMs = Date.parse("2026-11-30T14:59:59.999Z");
      world.periodsAtMs = world.clock.nowMs;
      const before = await world.admit({ claims, cost: 2 });
      expect(before).toMatchObject({ dayLabel: 20261130, monthLabel: 202611 });
      await world.refuse({ claims });
      world.clock.nowMs += 1;
      const after = await world.admit({ claims, cost: 2 });
      expect(after).toMatchObject({ dayLabel: 20261201, monthLabel: 202612 });
      expect(world.used(after, 0, "month")).toBe(2);
      world.clock.nowMs += 86_400_000;
      world.periodsAtMs = null;
      const nextDay = await world.admit({ claims });
      expect(nextDay).toMatchObject({ dayLabel: 20261202, monthLabel: 202612 });
      await world.refuse({ claims });
    }));

  test("a clock that steps back over midnight counts in the old day, and finds the new one again", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { quotaDay: 10 })];
      const midnight = Date.parse("2026-11-23T00:00:00Z");
      world.clock.nowMs = midnight - 1;
      world.periodsAtMs = midnight;
      await world.admit({ claims, cost: 8 });
      world.clock.nowMs = midnight;
      await world.admit({ claims, cost: 5 });
      world.clock.nowMs = midnight - 1_000;
      expect(await world.admit({ claims, cost: 2 })).toMatchObject({ dayLabel: 20261122 });
      await world.refuse({ claims });
      world.clock.nowMs = midnight + 1_000;
      const again = await world.admit({ claims, cost: 5 });
      expect(again).toMatchObject({ dayLabel: 20261123 });
      expect(world.used(again, 0, "quotaDay")).toBe(10);
    }));

  test("a clock outside the periods handed in takes nothing", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { month: 10 })];
      for (const days of [2, -2]) {
        world.periodsAtMs = NOON_MS + days * 86_400_000;
        // May differ: memory throws, for its caller asks the very same clock; a store with a clock of its own is unavailable.
        const outcome = await world.try({ claims }).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(RangeError);
        else expect(outcome).toMatchObject({ kind: "unavailable" });
      }
      world.periodsAtMs = null;
      expect(await world.keys()).toEqual([]);
      expect(world.used(await world.take({ claims, cost: 0 }), 0, "month")).toBe(0);
    }));
}
