// Request ids: once admitted, the same id is admitted again for a while and takes nothing.
import { expect, test } from "vitest";
import { REPLAY_MS } from "./counters.ts";
import { claim, type InWorld } from "./world.conformance.ts";

export function requestSentences(inWorld: InWorld, endInRealTime: string | undefined): void {
  test("an admitted request id is admitted again and takes nothing", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { month: 5 })];
      await world.admit({ claims, cost: 5, requestId: "r1" });
      world.clock.nowMs += REPLAY_MS - 1;
      const again = await world.take({ claims, cost: 5, requestId: "r1" });
      expect(again.checks[0]).toMatchObject({ admitted: true, replayed: true });
      expect(world.used(again, 0, "month")).toBe(5);
      await world.refuse({ claims, requestId: "r2" });
      const other = await world.of(`${world.tenant}x`).take({ claims, cost: 5, requestId: "r1" });
      expect(other.checks[0]).toMatchObject({ admitted: true, replayed: false });
    }));

  test("a request id is known within the take that admitted it, and after the clock stepped back", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { month: 5 })];
      const taken = await world.take({ claims, cost: 3, requestId: "r1" }, { claims, cost: 3, requestId: "r1" });
      expect(taken.checks.map((check) => check.replayed)).toEqual([false, true]);
      expect(world.usedIn(taken, taken.checks[1], 0, "month")).toBe(3);
      world.clock.nowMs -= 10_000;
      const again = await world.take({ claims, cost: 3, requestId: "r1" });
      expect(again.checks[0]).toMatchObject({ admitted: true, replayed: true });
    }));

  test("a refused request id is decided anew", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { minute: 5 })];
      await world.admit({ claims, cost: 5 });
      await world.refuse({ claims, cost: 5, requestId: "r1" });
      world.clock.nowMs += 120_000;
      const anew = await world.take({ claims, cost: 5, requestId: "r1" });
      expect(anew.checks[0]).toMatchObject({ admitted: true, replayed: false });
      await world.refuse({ claims, cost: 5, requestId: "r2" });
    }));

  // May differ: where remembered ids end by the store's real clock, the store's own tests look at their TTL instead.
  if (endInRealTime !== undefined) return;
  test("an admitted request id is forgotten after 60 s", () =>
    inWorld(async (world) => {
      const claims = [claim("TENANT", { month: 10 })];
      await world.admit({ claims, cost: 4, requestId: "r1" });
      world.clock.nowMs += REPLAY_MS;
      const anew = await world.take({ claims, cost: 4, requestId: "r1" });
      expect(anew.checks[0]).toMatchObject({ admitted: true, replayed: false });
      expect(world.used(anew, 0, "month")).toBe(8);
    }));
}
