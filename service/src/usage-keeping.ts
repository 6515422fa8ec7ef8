// Keeps what this process acknowledged: its way to PostgreSQL, and the way back where counters were lost.
// Not here: what is acknowledged (usage/acknowledged.ts), the counters themselves (stores.ts).
import type { Counters } from "./counters/counters.ts";
import type { UsageHashes } from "./counters/usage-hashes.redis.ts";
import type { PolicyRowsView } from "./explain/explain.ts";
import type { Ledger } from "./fallback/ledger.ts";
import type { Log } from "./platform/log.ts";
import type { Metrics } from "./platform/metrics.ts";
import type { RebuildablePool } from "./platform/pool.ts";
import type { Acknowledged } from "./usage/acknowledged.ts";
import { foldClosedDays } from "./usage/fold.job.ts";
import { createHarvest } from "./usage/harvest.job.ts";
import { createRestore } from "./usage/restore.job.ts";
import { startUsageSnapshot, type UsageSnapshot } from "./usage/usage-snapshot.job.ts";

export type UsageKeepingParts = Readonly<{
  pool: RebuildablePool;
  intervalMs: number;
  acknowledged: Acknowledged;
  ledger: Ledger;
  counters: Counters;
  /** Null where the counters die with the process. */
  hashes: UsageHashes | null;
  policies: Readonly<{ view: PolicyRowsView; ready: Promise<void> }>;
  /** This process folds closed days, too. */
  keeper: boolean;
  metrics: Metrics;
  log: Log;
}>;

export type UsageKeeping = Pick<UsageSnapshot, "owe" | "close"> &
  Readonly<{
    /** The counters for corrections by hand: a restore that did not know of one yet is made up for. */
    corrected: Pick<Counters, "adjust" | "raise" | "nowMs">;
  }>;

export function keepUsage(parts: UsageKeepingParts): UsageKeeping {
  const { pool, intervalMs, acknowledged, ledger, counters, hashes, policies, metrics, log } = parts;
  const restore = createRestore({
    pool,
    counters,
    timeZoneOf: (tenant) => policies.view.snapshot()?.tenant(tenant, counters.nowMs())?.timeZone ?? null,
    generationOf: (tenant) => acknowledged.quotas.generationOf(tenant),
    onFault: (fault) =>
      log.warn({ err: fault }, "quotas are not compared with what is written down: it is tried again"),
  });
  const harvest = createHarvest({
    ...{ pool, hashes, intervalMs },
    onHarvested: (tenants) => {
      for (const tenant of tenants) restore.owe(tenant);
    },
    onFault: (fault) => log.warn({ err: fault }, "what a dead process left is not written down: it is tried again"),
  });
  const snapshot = startUsageSnapshot({
    ...{ pool, acknowledged, ledger, restore, harvest },
    everyMs: intervalMs,
    after: policies.ready,
    history: () => {
      const version = policies.view.snapshot()?.version;
      return version === undefined ? null : `${version.systemId} ${version.timeline}`;
    },
    onFault: (fault) => log.warn({ err: fault }, "usage is not written down: it is kept and tried again"),
  });
  metrics.watchUsage(snapshot.tally);
  metrics.watchRestore(restore.tally);
  const folder = parts.keeper
    ? foldClosedDays({
        ...{ pool, after: policies.ready },
        onFolded: (day) => log.info({ day }, "a day of usage is closed and folded"),
        onFault: (fault) => log.warn({ err: fault }, "days of usage are not folded: it is tried again"),
      })
    : null;
  return {
    owe: snapshot.owe,
    corrected: {
      adjust: (order) => {
        snapshot.owe(order.tenant);
        return counters.adjust(order);
      },
      raise: (order) => counters.raise(order),
      nowMs: () => counters.nowMs(),
    },
    close: async () => {
      await folder?.close();
      ledger.giveUpPending();
      await snapshot.close();
    },
  };
}
