// What a batch of 64 saves: one request and one answer for all, and one script for up to 16 checks of a tenant.
import { MAX_CHECKS_PER_TAKE } from "@sluice/service/counters/counters.ts";
import { type ClosedSample, closedWindow } from "../closed-window.ts";
import { batchRequest, DECIDED } from "../requests.ts";
import { takeTurns } from "../rounds.ts";
import { atLeast, type Scenario } from "../scenario.ts";
import { figureOf, ratios } from "../statistics.ts";
import { CONNECTIONS, checkJob, TENANT_IDS, TENANTS } from "./single-check.ts";

const BATCH = 64;
/** Enough that the server never waits for the next one, without queues that only fill caches. */
const BATCH_CONNECTIONS = 4;

export const batch: Scenario = {
  name: "batch",
  about:
    `batches of ${BATCH} over ${BATCH_CONNECTIONS} connections and single checks over ${CONNECTIONS}; ` +
    `a take carries at most ${MAX_CHECKS_PER_TAKE} checks of a tenant`,
  run: async (world, pace) => {
    const service = await world.service([1], TENANTS);
    const watched = { serverPid: service.pid, redisPid: world.redis.pid() };
    const batches = (requests: readonly string[]) => async (seconds: number) => {
      const job = { port: service.port, protocol: "http" as const, expect: DECIDED, connections: BATCH_CONNECTIONS };
      return perCheck(await closedWindow(world.generator, watched, { ...job, requests, seconds }));
    };
    const samples = await takeTurns(
      {
        single: (seconds) => closedWindow(world.generator, watched, checkJob(service, seconds)),
        many: batches([batchRequest(TENANT_IDS)]),
        one: batches(TENANT_IDS.map((tenant) => batchRequest(new Array<string>(BATCH).fill(tenant)))),
      },
      pace,
    );
    const rate = (of: readonly ClosedSample[]) => of.map(({ perSecond }) => perSecond);
    const cpu = (of: readonly ClosedSample[]) => of.map(({ serverUs }) => serverUs);
    const { single, many, one } = samples;
    return [
      figureOf("checks/s: batch of 64 tenants / single", "x", ratios(rate(many), rate(single)), atLeast(3)),
      figureOf("checks/s: batch of one tenant / single", "x", ratios(rate(one), rate(single)), atLeast(5)),
      figureOf("service CPU: single / check in a batch of 64 tenants", "x", ratios(cpu(single), cpu(many))),
      figureOf("service CPU: single / check in a batch of one tenant", "x", ratios(cpu(single), cpu(one))),
      figureOf("checks/s, single", "1/s", rate(single)),
      figureOf("checks/s, batch of 64 tenants", "1/s", rate(many)),
      figureOf("checks/s, batch of one tenant", "1/s", rate(one)),
      figureOf(
        "CPU time of Redis per check, single",
        "us",
        single.map(({ redisUs }) => redisUs),
      ),
      figureOf(
        "CPU time of Redis per check, batch of 64 tenants",
        "us",
        many.map(({ redisUs }) => redisUs),
      ),
      figureOf(
        "CPU time of Redis per check, batch of one tenant",
        "us",
        one.map(({ redisUs }) => redisUs),
      ),
    ];
  },
};

/** Of requests that each carry a batch. */
function perCheck(sample: ClosedSample): ClosedSample {
  return {
    perSecond: sample.perSecond * BATCH,
    serverUs: sample.serverUs / BATCH,
    redisUs: sample.redisUs / BATCH,
    generatorUs: sample.generatorUs / BATCH,
  };
}
