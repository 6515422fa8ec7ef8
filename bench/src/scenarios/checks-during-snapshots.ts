// Whether the writing of usage is felt by the checks of the process that writes it, with everybody active and most of what
// is asked for changed in every interval.
import { tenantId } from "../bench-policies.ts";
import type { OpenResult } from "../generator/job.ts";
import { batchRequest, checkRequest, DECIDED } from "../requests.ts";
import { takeTurns } from "../rounds.ts";
import type { Figure, Scenario } from "../scenario.ts";
import { type BenchService, UNHURRIED } from "../servers/service.ts";
import { figureOf, ratios } from "../statistics.ts";
import type { World } from "../world.ts";

/** A load that leaves the machine room for the database's share of the work, and one that does not on two cores. */
const RATES = [300, 1_000];
const CONNECTIONS = 64;
const BATCH = 256;
const WRITTEN_EVERY_MS = 2_000;
/** Longer than the scenario takes. */
const NEVER_WRITTEN_MS = 3_600_000;
/** Each window holds several intervals. */
const WINDOW_FACTOR = 6;

export const checksDuringSnapshots: Scenario = {
  name: "checks-during-snapshots",
  about:
    `${RATES.join(" and ")} checks per second of ever other tenants while usage is written every ${WRITTEN_EVERY_MS} ms, and while ` +
    "it is not, every tenant being active (100 000; fewer in a quick pass)",
  run: async (world, pace) => {
    const ids = Array.from({ length: pace.manyTenants }, (_, index) => tenantId(1, index));
    const start = async (snapshotIntervalMs: number) => {
      const service = await world.service([1], pace.manyTenants, { ...UNHURRIED, snapshotIntervalMs });
      await activate(world, service, ids);
      return service;
    };
    // One after the other: when this one looks for what others left in the store, there is no other yet.
    const writing = await start(WRITTEN_EVERY_MS);
    const silent = await start(NEVER_WRITTEN_MS);
    const requests = ids.map(checkRequest);
    const checks =
      ({ port }: BenchService, perSecond: number) =>
      (seconds: number) =>
        world.generator.openLoop({
          port,
          protocol: "http",
          requests,
          expect: DECIDED,
          connections: CONNECTIONS,
          perSecond,
          seed: 20_261_122,
          seconds,
        });
    const figures: Figure[] = [];
    for (const rate of RATES) {
      const samples = await takeTurns(
        { writing: checks(writing, rate), silent: checks(silent, rate) },
        { ...pace, windowSeconds: pace.windowSeconds * WINDOW_FACTOR, rounds: Math.ceil(pace.rounds / 2) },
      );
      const p99 = ({ latency }: OpenResult) => latency.p99;
      const [during, without] = [samples.writing.map(p99), samples.silent.map(p99)];
      figures.push(
        figureOf(`check P99 at ${rate}/s while usage is written / while it is not`, "x", ratios(during, without)),
        figureOf(`check P99 at ${rate}/s while usage is written`, "ms", during),
        figureOf(`check P99 at ${rate}/s while it is not`, "ms", without),
      );
    }
    return figures;
  },
};

/** Every tenant has usage of this process before anything is measured. */
async function activate({ generator }: World, { port }: BenchService, ids: readonly string[]): Promise<void> {
  const batches = Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, index) => {
    return batchRequest(ids.slice(index * BATCH, (index + 1) * BATCH));
  });
  let sent = 0;
  while (sent < batches.length) {
    const { completed } = await generator.closedLoop({
      port,
      protocol: "http",
      requests: [...batches.slice(sent), ...batches.slice(0, sent)],
      expect: DECIDED,
      connections: 2,
      seconds: 2,
    });
    sent += completed;
  }
}
