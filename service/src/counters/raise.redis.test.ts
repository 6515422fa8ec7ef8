// What a raise leaves in Redis, and when it does nothing. What it does is in the conformance suite.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisNode, startRedis } from "../../test/redis.ts";
import { describeWithRedis } from "../../test/services.ts";
import { periodsAt } from "../limits/quota-period.ts";
import type { RedisCounters } from "./counters.redis.ts";
import { monthUsed, openRedisCounters, orderOf } from "./counters.world.ts";
import type { RaisedCounter, RaiseOrder } from "./raise.ts";

const DAY_MS = 86_400_000;
const NOON_MS = Date.parse("2026-11-22T12:00:00Z");
/** A test may take this long between a write and a look at the life that is left. */
const SLOWNESS_MS = 60_000;
const TENANT_MONTH = { scope: "TENANT", api: null, user: null, window: "month", label: 202611 } as const;

describeWithRedis("a raise in Redis", () => {
  let redis: RedisNode;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  async function withCounters(story: (counters: RedisCounters) => Promise<void>, clock?: () => number): Promise<void> {
    const options = { deadlineMs: 10_000, ...(clock === undefined ? {} : { clock }) };
    const { counters } = await openRedisCounters([`${redis.host}:${redis.port}`], options);
    await story(counters).finally(() => counters.close());
  }
  const order = (tenant: string, counters: readonly RaisedCounter[], generation = 0, nowMs = NOON_MS): RaiseOrder => {
    return { tenant, generation, periods: periodsAt("UTC", nowMs), counters };
  };
  const generationOf = async (counters: RedisCounters, tenant: string) => {
    const asked = await counters.raise(order(tenant, [], 0, counters.nowMs()));
    return asked.kind === "other_generation" ? asked.generation : -1;
  };

  test("counters that it makes are kept until their period is over, and longer lives are left as they are", () =>
    withCounters(
      async (counters) => {
        await counters.take(orderOf("life", NOON_MS));
        await redis.command("PEXPIRE", "sl:{life}", 20 * DAY_MS);
        const raised = await counters.raise(
          order(
            "life",
            [
              { ...TENANT_MONTH, atLeast: 5 },
              { ...TENANT_MONTH, scope: "TENANT_API", api: "GET /a", atLeast: 5 },
              { ...TENANT_MONTH, scope: "TENANT_USER", user: "kim", window: "quotaDay", label: 20261122, atLeast: 5 },
            ],
            await generationOf(counters, "life"),
          ),
        );
        expect(raised).toEqual({ kind: "raised", raised: 3 });
        for (const [kind, days] of [
          ["sl:{life}", 20],
          ["sl:{life}:a:", 10.5],
          ["sl:{life}:u:", 2.5],
        ] as const) {
          const key = (await redis.keys()).find((name) => (kind.endsWith("}") ? name === kind : name.startsWith(kind)));
          const leftMs = Number(await redis.command("PTTL", key ?? ""));
          expect(Math.abs(leftMs - days * DAY_MS), kind).toBeLessThan(SLOWNESS_MS);
        }
      },
      () => NOON_MS,
    ));

  test("a tenant that the store does not know, or only by an adjustment, has no generation: nothing is raised", () =>
    withCounters(async (counters) => {
      expect(await counters.raise(order("nobody", [{ ...TENANT_MONTH, atLeast: 5 }], 7))).toEqual({
        kind: "other_generation",
        generation: 0,
      });
      const nowMs = counters.nowMs();
      const change = { kind: "add", window: "month", amount: 3 } as const;
      const counter = { scope: "TENANT", api: null, user: null, change } as const;
      await counters.adjust({ id: "a", tenant: "adjusted", periods: periodsAt("UTC", nowMs), changes: [counter] });
      const { label } = periodsAt("UTC", nowMs).month.current;
      const raised = await counters.raise(order("adjusted", [{ ...TENANT_MONTH, label, atLeast: 5 }], 0, nowMs));
      expect(raised).toEqual({ kind: "other_generation", generation: 0 });
      expect(await monthUsed(counters, "adjusted")).toBe(3);
      expect((await redis.keys()).filter((key) => key.includes("{nobody}"))).toEqual([]);
    }));

  test("a state of an unknown format is not raised, and nothing of the order happens", () =>
    withCounters(
      async (counters) => {
        await counters.take(orderOf("newer", NOON_MS, { cost: 9 }));
        const api = { ...TENANT_MONTH, scope: "TENANT_API", api: "GET /a", atLeast: 5 } as const;
        const generation = await generationOf(counters, "newer");
        await counters.raise(order("newer", [api], generation));
        const key = (await redis.keys()).find((name) => name.startsWith("sl:{newer}:a:")) ?? "";
        await redis.command("SETRANGE", key, 0, "\u0002");
        const both = order(
          "newer",
          [
            { ...TENANT_MONTH, atLeast: 50 },
            { ...api, atLeast: 50 },
          ],
          generation,
        );
        await expect(counters.raise(both)).rejects.toThrow(/unknown format 2: nothing was raised/);
        expect(await monthUsed(counters, "newer")).toBe(9);
      },
      () => NOON_MS,
    ));

  test("a frozen store makes it unavailable, and it does not happen afterwards", () =>
    withCounters(async (counters) => {
      const nowMs = counters.nowMs();
      await counters.take(orderOf("frozen", nowMs, { cost: 9 }));
      const generation = await generationOf(counters, "frozen");
      const { label } = periodsAt("UTC", nowMs).month.current;
      const raise = order("frozen", [{ ...TENANT_MONTH, label, atLeast: 50 }], generation, nowMs);
      redis.freeze();
      try {
        expect(await counters.raise(raise)).toMatchObject({ kind: "unavailable", cause: "deadline" });
      } finally {
        redis.thaw();
      }
      expect(await monthUsed(counters, "frozen")).toBe(9);
      expect(await counters.raise({ ...raise, periods: periodsAt("UTC", counters.nowMs()) })).toMatchObject({
        raised: 1,
      });
      expect(await monthUsed(counters, "frozen")).toBe(59);
    }));
});
