// A process that keeps usage as a worker of the service does, over counters in its memory, and tells what an interval costs.
import { MemoryCounters } from "@sluice/service/counters/counters.memory.ts";
import { createLedger } from "@sluice/service/fallback/ledger.ts";
import { periodsAt } from "@sluice/service/limits/quota-period.ts";
import { openPostgres } from "@sluice/service/platform/postgres.ts";
import { Acknowledged } from "@sluice/service/usage/acknowledged.ts";
import { createHarvest } from "@sluice/service/usage/harvest.job.ts";
import { createRestore } from "@sluice/service/usage/restore.job.ts";
import { startUsageSnapshot, type UsageSnapshot } from "@sluice/service/usage/usage-snapshot.job.ts";
import { nowMs } from "../clock.ts";
import { crowdTenantId } from "../policy-crowd.ts";
import { claimsOf } from "../requests.ts";
import { watchThread } from "./thread-watch.ts";

/** So many of the first `known` tenants are asked for once, and then an interval is written. */
export type SnapshotOrder = Readonly<{ databaseUrl: string; changed: number }>;
/** `longestStayMs` is CPU time of the event loop's thread between two of its turns. */
export type Snapshot = Readonly<{ elapsedMs: number; longestStayMs: number; unwritten: number }>;

/** Longer than a bench: intervals are asked for. */
const EVERY_MS = 3_600_000;
const MAX_ROWS = 200_000;

const acknowledged = new Acknowledged({ maxRows: MAX_ROWS });
const counters = new MemoryCounters(Date.now, acknowledged);
const claims = claimsOf(1);
let snapshot: UsageSnapshot | null = null;

process.on("message", async (order: SnapshotOrder) => {
  snapshot ??= await keep(order.databaseUrl);
  process.send?.(await interval(snapshot, order.changed));
});
process.once("disconnect", () => process.exit());

/** The first writing is its own: it is over when this resolves. */
async function keep(databaseUrl: string): Promise<UsageSnapshot> {
  const { pool } = openPostgres({ url: databaseUrl });
  const onFault = (fault: unknown) => {
    throw fault;
  };
  const started = startUsageSnapshot({
    ...{ pool, acknowledged, everyMs: EVERY_MS, after: Promise.resolve(), history: () => "bench", onFault },
    ledger: createLedger(acknowledged.owner),
    harvest: createHarvest({ pool, hashes: null, intervalMs: EVERY_MS, onHarvested: () => undefined, onFault }),
    restore: createRestore({ pool, counters, timeZoneOf: () => "UTC", generationOf: () => 0, onFault }),
  });
  await started.run();
  return started;
}

async function interval({ run, tally }: UsageSnapshot, changed: number): Promise<Snapshot> {
  const periods = periodsAt("UTC", Date.now());
  for (let index = 0; index < changed; index += 1) {
    const check = { claims, user: "u-17", cost: 1, requestId: null, usageApi: "GET /v1/report/**" };
    await counters.take({ tenant: crowdTenantId(index), periods, maxUsersPerDay: 1_000, checks: [check] });
  }
  const watching = watchThread();
  const startMs = nowMs();
  await run();
  return { elapsedMs: nowMs() - startMs, longestStayMs: watching.end(), unwritten: tally().unwritten };
}
