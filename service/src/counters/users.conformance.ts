// The bound on new users of a tenant and day, and the overflow user that later ones share.
import { expect, test } from "vitest";
import { OVERFLOW_USER } from "./counters.ts";
import { claim, type InWorld, REPORT_API } from "./world.conformance.ts";

export function userSentences(inWorld: InWorld): void {
  test("new users beyond the day's bound share the overflow user, known ones keep their own counter", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT_USER", { month: 2 }), claim("TENANT_USER_API", { month: 2 }, { api: REPORT_API })];
      world.maxUsersPerDay = 2;
      expect((await world.admit({ claims, user: "u1" })).checks[0]?.overflowed).toBe(false);
      expect((await world.admit({ claims, user: "u2" })).checks[0]?.overflowed).toBe(false);
      expect((await world.admit({ claims, user: "u3" })).checks[0]?.overflowed).toBe(true);
      const third = await world.admit({ claims, user: "u4" });
      expect(third.checks[0]?.overflowed).toBe(true);
      expect(world.used(third, 0, "month")).toBe(2);
      expect(world.used(third, 1, "month")).toBe(2);
      expect((await world.refuse({ claims, user: "u5" })).checks[0]?.overflowed).toBe(true);
      await world.refuse({ claims, user: OVERFLOW_USER });
      expect((await world.admit({ claims, user: "u1" })).checks[0]?.overflowed).toBe(false);
      world.maxUsersPerDay = 3;
      expect((await world.admit({ claims, user: "u6" })).checks[0]?.overflowed).toBe(false);
    }));

  test("a look of a user beyond the bound shows the overflow user", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT_USER", { month: 3 })];
      world.maxUsersPerDay = 1;
      await world.admit({ claims, user: "u1" });
      await world.admit({ claims, user: "u2", cost: 3 });
      const looked = await world.take({ claims, user: "u3", cost: 0 });
      expect(looked.checks[0]?.overflowed).toBe(true);
      expect(world.used(looked, 0, "month")).toBe(3);
    }));

  test("refused and looking users, and calls that no user limit applies to, use up none of the bound", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT_USER", { month: 2 })];
      world.maxUsersPerDay = 1;
      await world.refuse({ claims, user: "u1", cost: 3 });
      await world.take({ claims, user: "u2", cost: 0 });
      await world.admit({ claims: [claim("TENANT", { month: 9 })], user: "u3" });
      expect((await world.admit({ claims, user: "u4" })).checks[0]?.overflowed).toBe(false);
      expect((await world.admit({ claims, user: "u5" })).checks[0]?.overflowed).toBe(true);
    }));

  test("a replayed check is no new user, so that it does not overflow", () =>
    inWorld(async (world) => {
      world.maxUsersPerDay = 1;
      await world.admit({ claims: [claim("TENANT", { month: 9 })], user: "u1", requestId: "r1" });
      const perUser = [claim("TENANT_USER", { month: 9 })];
      await world.admit({ claims: perUser, user: "u2" });
      const replayed = await world.take({ claims: perUser, user: "u1", requestId: "r1" });
      expect(replayed.checks[0]).toMatchObject({ admitted: true, replayed: true, overflowed: false });
    }));

  test("the bound is kept inside one take, a new day has room again, and a clock that steps back makes none", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT_USER", { month: 9 })];
      world.maxUsersPerDay = 2;
      const taken = await world.take(...["u1", "u2", "u3", "u1"].map((user) => ({ claims, user, cost: 1 })));
      expect(taken.checks.map((check) => check.overflowed)).toEqual([false, false, true, false]);
      expect(world.usedIn(taken, taken.checks[3], 0, "month")).toBe(2);
      world.clock.nowMs += 86_400_000;
      const known = await world.admit({ claims, user: "u1" });
      expect(known.checks[0]?.overflowed).toBe(false);
      expect(world.used(known, 0, "month")).toBe(3);
      expect((await world.admit({ claims, user: "u3" })).checks[0]?.overflowed).toBe(false);
      expect((await world.admit({ claims, user: "u4" })).checks[0]?.overflowed).toBe(false);
      expect((await world.admit({ claims, user: "u5" })).checks[0]?.overflowed).toBe(true);
      world.clock.nowMs -= 43_200_001;
      expect((await world.admit({ claims, user: "u6" })).checks[0]?.overflowed).toBe(true);
    }));
}
