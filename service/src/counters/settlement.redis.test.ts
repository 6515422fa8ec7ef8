// Takes lost with their connection, settled while other answers come late over the next one.
import { afterEach, beforeEach, expect, test } from "vitest";
import { startProxy } from "../../test/proxy.ts";
import { type RedisNode, startRedis } from "../../test/redis.ts";
import { describeWithRedis } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { monthUsed, openRedisCounters, orderOf } from "./counters.world.ts";

const DEADLINE_MS = 150;

describeWithRedis("a lost take", () => {
  let redis: RedisNode;
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => await redis.stop());

  test("that never ran is not given back for the surplus of another, which ran and is being given back", async () => {
    const line = await startProxy(redis.port);
    const { counters, observed } = await openRedisCounters([`127.0.0.1:${line.port}`], { deadlineMs: DEADLINE_MS });
    const refused = async () => {
      const taken = await counters.take(orderOf("acme", counters.nowMs(), { cost: 5 }));
      if (taken.kind === "unavailable") taken.settle([false], () => expect.unreachable("it was not charged"));
      return taken.kind;
    };
    try {
      await counters.take(orderOf("acme", counters.nowMs(), { cost: 10 }));
      redis.freeze();
      const frozenMs = performance.now();
      expect(await refused()).toBe("unavailable");
      await waitFor("the store thinks it too late", () => performance.now() - frozenMs > 2 * DEADLINE_MS);
      line.cut();
      redis.thaw();

      await waitFor("the next connection", () => !counters.health().healthy);
      await waitFor("the next connection", () => counters.health().healthy);
      line.holdReplies();
      expect(await refused()).toBe("unavailable");
      line.releaseReplies();
      await waitFor("the late one is given back", () => observed.gaveBack.length > 0);
      const settled = await waitFor("a look is answered", async () => [await monthUsed(counters, "acme")]);
      expect(settled).toEqual([10]);
      expect(observed.gaveBack).toEqual(["given_back"]);
    } finally {
      await counters.close();
      await line.close();
    }
  });
});
