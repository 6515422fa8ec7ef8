// Explanations beside real checks on a single real Redis.
import { afterAll, beforeAll } from "vitest";
import { type RedisNode, startRedis } from "../../test/redis.ts";
import { describeWithRedis } from "../../test/services.ts";
import { openRedisCounters } from "../counters/counters.world.ts";
import { explanationsAgree } from "./explain.conformance.ts";

describeWithRedis("explanations in Redis", () => {
  let redis: RedisNode;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  explanationsAgree("a single Redis", 150, async (clock) => {
    // Nothing here is about the deadline: it stays out of the way of a busy machine.
    const { counters } = await openRedisCounters([`${redis.host}:${redis.port}`], { clock, deadlineMs: 10_000 });
    return { counters, close: () => counters.close() };
  });
});
