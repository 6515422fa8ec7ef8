import { expect, test } from "vitest";
import { startRedis } from "../test/redis.ts";
import { describeWithRedis } from "../test/services.ts";
import type { Take, Taken } from "./counters/counters.ts";
import { openRedisCounters } from "./counters/counters.world.ts";
import { rehearse } from "./rehearsal.ts";
import { Acknowledged } from "./usage/acknowledged.ts";

const SETTINGS = { quotaStatus: 429, maxUsersPerDay: 1_000 } as const;

describeWithRedis("what is rehearsed before the first caller comes", () => {
  test("goes the whole way to the store, under names that no tenant has, and leaves no trace there", async ({
    onTestFinished,
  }) => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const acknowledged = new Acknowledged();
    const { counters } = await openRedisCounters([`127.0.0.1:${redis.port}`], { acknowledged, deadlineMs: 5_000 });
    onTestFinished(() => counters.close());
    const takes: [Take, Taken][] = [];
    const take = async (order: Take) => {
      const taken = await counters.take(order);
      takes.push([order, taken]);
      return taken;
    };
    await rehearse({ counters: { take, nowMs: () => counters.nowMs() }, ...SETTINGS });

    expect(takes.length).toBeGreaterThan(0);
    expect(takes.map(([, { kind }]) => kind)).toEqual(takes.map(() => "answered"));
    for (const [{ tenant, checks }] of takes) {
      expect(tenant).toMatch(/^~rehearsal\d+$/);
      expect(checks.map(({ cost, claims }) => [cost, claims.length])).toEqual([[0, 2]]);
    }
    expect(await redis.keys()).toEqual([]);
    expect(acknowledged.usage.unwritten).toBe(0);
  });

  test("is over soon without a store, and fails nothing", async ({ onTestFinished }) => {
    const redis = await startRedis();
    const { counters } = await openRedisCounters([`127.0.0.1:${redis.port}`]);
    onTestFinished(() => counters.close());
    await redis.stop();
    await rehearse({ counters, ...SETTINGS });
    expect(counters.health().healthy).toBe(false);
  });
});
