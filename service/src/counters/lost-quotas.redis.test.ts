// Lost quotas on every store; what must hold is in the conformance file.
import fc from "fast-check";
import { afterAll, beforeAll, test } from "vitest";
import { type RedisNode, startCluster, startRedis } from "../../test/redis.ts";
import { describeWithRedis } from "../../test/services.ts";
import { MemoryCounters } from "./counters.memory.ts";
import type { RedisCounters } from "./counters.redis.ts";
import { openRedisCounters } from "./counters.world.ts";
import { createKeys } from "./keys.ts";
import { type LossyStore, losses, replayLosses } from "./lost-quotas.conformance.ts";

const SEED = 20261123;
const PREFIX = "sl:";
const SECRET = "test";

/** Puts copies of KEYS in their places, or, where there is none, nothing; the tenant's own under a lesser shard token. */
const PROMOTE = `for i = 1, #KEYS, 2 do
  redis.call('DEL', KEYS[i])
  redis.call('COPY', KEYS[i + 1], KEYS[i])
end
local own = redis.call('GET', KEYS[1])
if own then
  local token = struct.unpack('<I7', own, #own - 14)
  redis.call('SETRANGE', KEYS[1], #own - 15, struct.pack('<I7', math.max(0, token - 1)))
end`;
const COPY = "for i = 1, #KEYS, 2 do redis.call('DEL', KEYS[i + 1]) redis.call('COPY', KEYS[i], KEYS[i + 1]) end";

async function holds(store: LossyStore, numRuns: number): Promise<void> {
  let played = 0;
  await fc.assert(
    fc.asyncProperty(losses, async (drawn) => {
      played += 1;
      await replayLosses(drawn, store, `lossy.${1_000 + played}`);
    }),
    { seed: SEED, numRuns },
  );
}

test("in memory, quotas come back after any losses, exactly and never above what was taken", {
  timeout: 60_000,
}, () => {
  const clock = { nowMs: 1 };
  const open = () => new MemoryCounters(() => clock.nowMs);
  let counters = open();
  const lose = async () => {
    counters = open();
  };
  return holds({ counters: () => counters, clock, lose, replica: null }, 600);
});

describeWithRedis("in Redis, quotas come back after any losses, exactly and never above what was taken", () => {
  const clock = { nowMs: 0 };
  const keys = createKeys(PREFIX, SECRET);
  const keysOf = (tenant: string) => [keys.tenant(tenant), keys.user(tenant, "kim"), keys.user(tenant, "lee")];
  const withCopies = (tenant: string) => keysOf(tenant).flatMap((key) => [key, `copy:${key}`]);

  function lossy(counters: RedisCounters): LossyStore {
    const run = async (tenant: string, script: string, names: readonly string[]) => {
      await counters.command(tenant, ["EVAL", script, String(names.length), ...names]);
    };
    return {
      counters: () => counters,
      clock,
      lose: (tenant) => run(tenant, "redis.call('DEL', unpack(KEYS))", keysOf(tenant)),
      replica: {
        copy: (tenant) => run(tenant, COPY, withCopies(tenant)),
        promote: (tenant) => run(tenant, PROMOTE, withCopies(tenant)),
      },
    };
  }

  function holdsOn(
    name: string,
    numRuns: number,
    start: () => Promise<{ nodes: readonly RedisNode[]; stop: () => Promise<void> }>,
  ) {
    let server: Awaited<ReturnType<typeof start>>;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.stop());

    test(name, { timeout: 180_000 }, async () => {
      const seeds = server.nodes.map(({ host, port }) => `${host}:${port}`);
      const { counters } = await openRedisCounters(seeds, {
        ...{ clock: () => clock.nowMs, keyPrefix: PREFIX, idSecret: SECRET, deadlineMs: 10_000 },
      });
      await holds(lossy(counters), numRuns).finally(() => counters.close());
    });
  }

  holdsOn("a single one", 250, async () => {
    const redis = await startRedis();
    return { nodes: [redis], stop: () => redis.stop() };
  });
  holdsOn("a Cluster", 60, () => startCluster());
});
