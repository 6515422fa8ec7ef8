// The conformance suite and the twin test on real servers: a single Redis, and a Cluster of six.
import { afterAll, beforeAll } from "vitest";
import { startCluster, startRedis } from "../../test/redis.ts";
import { describeWithRedis } from "../../test/services.ts";
import { countersConformance } from "./counters.conformance.ts";
import { openRedisCounters } from "./counters.world.ts";

/** Nothing here is about the deadline: it stays out of the way of a busy machine. */
const PATIENT_MS = 10_000;

/** Together with memory's, more than 10 000 histories; every one of them plays the same story on the model. */
const HISTORIES = { single: 8_000, cluster: 2_500 };
/** Their takes share round trips instead of each waiting for its own. */
const HISTORIES_AT_ONCE = 16;

const REAL_TIME = "Redis expires keys by its own clock, which the handed-in clock does not move";

type Server = { seeds: readonly string[]; keys: () => Promise<string[]>; stop: () => Promise<void> };

describeWithRedis("Redis counters", () => {
  conformsOn("a single Redis", HISTORIES.single, async () => {
    const redis = await startRedis();
    return { seeds: [`${redis.host}:${redis.port}`], keys: redis.keys, stop: redis.stop };
  });

  conformsOn("a Redis Cluster", HISTORIES.cluster, async () => {
    const cluster = await startCluster();
    const seeds = cluster.nodes.map((node) => `${node.host}:${node.port}`);
    return { seeds, keys: cluster.keys, stop: cluster.stop };
  });
});

function conformsOn(name: string, histories: number, start: () => Promise<Server>): void {
  let server: Server;
  let worlds = 0;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());

  countersConformance(
    name,
    async ({ clock }) => {
      worlds += 1;
      const keyPrefix = `w${worlds}:`;
      const { counters } = await openRedisCounters(server.seeds, { clock, keyPrefix, deadlineMs: PATIENT_MS });
      const keys = async () => (await server.keys()).filter((key) => key.startsWith(keyPrefix));
      return { counters, keys, close: () => counters.close() };
    },
    { histories, historiesAtOnce: HISTORIES_AT_ONCE, requestsEndInRealTime: REAL_TIME },
  );
}
