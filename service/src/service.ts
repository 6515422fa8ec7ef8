// Builds one worker by hand, from the stores up to the doors, and closes it in reverse.
// This file is the architecture: every part is named once, and what it is given is what it may touch.

import { createCheckDoor } from "./check/check.http.ts";
import { createChecks } from "./check/check.ts";
import type { Config } from "./config.ts";
import { openOpsDoor, openServiceDoor } from "./doors.ts";
import { createFallback } from "./fallback/fallback.ts";
import { createLedger } from "./fallback/ledger.ts";
import { createCalendar } from "./limits/calendar.ts";
import { refuse } from "./platform/answer.http.ts";
import { createHealth, type Health } from "./platform/health.ts";
import type { Log } from "./platform/log.ts";
import { collectProcessMetrics, createMetrics } from "./platform/metrics.ts";
import { createOpsDoor } from "./platform/ops.http.ts";
import type { SeriesRegistry } from "./platform/series.ts";
import type { Shutdown } from "./platform/shutdown.ts";
import { watchStalls } from "./platform/stall.ts";
import { createTraceIds } from "./platform/trace.ts";
import { openPolicyStore, type PolicyStore } from "./policy-store.ts";
import { openCounters, openDatabase } from "./stores.ts";

/** How long a start waits for PostgreSQL's first word before checks are answered without it. */
const FIRST_WORD_MS = 3_000;

export type WorkerRole = Readonly<{
  /** This process keeps the schema and the snapshot file. */
  keeper: boolean;
  /** It serves the operations port itself; with several workers the primary does. */
  ops: boolean;
}>;

export type RunningWorker = Readonly<{
  port: number;
  opsPort: number | null;
  health: Health;
  registry: SeriesRegistry;
  policies: PolicyStore;
}>;

/** `clock` replaces the counters' own clock: for tests that cross a boundary of time. */
export async function startWorker(
  config: Config,
  role: WorkerRole,
  log: Log,
  shutdown: Shutdown,
  clock?: () => number,
): Promise<RunningWorker> {
  const { metrics, registry } = createMetrics();
  collectProcessMetrics(registry);
  shutdown.before("stall watch", watchStalls(metrics));
  const health = createHealth();

  const database = await openDatabase(config.database, (fault) =>
    log.error({ fault: fault.message }, "the embedded database ended"),
  );
  shutdown.before("database", database.close);
  const policies = await openPolicyStore({ config, database, keeper: role.keeper, metrics, log });
  shutdown.before("policies", policies.close);

  const { counters, census, close: closeCounters } = await openCounters(config, metrics.store, clock);
  shutdown.before("counters", closeCounters);

  const ledger = createLedger(`${process.pid}.${Date.now().toString(36)}`);
  const fallback = createFallback({ mode: config.fallback, census, ledger });
  metrics.watchFallback(fallback.tally);
  const calendar = createCalendar();
  const { quotaStatus, maxUsers: maxUsersPerDay } = config;
  const checks = createChecks({ policies: policies.view, counters, fallback, calendar, quotaStatus, maxUsersPerDay });

  const traceIds = createTraceIds();
  const onFailure = (cause: unknown, traceId: string) => log.error({ err: cause, traceId }, "a request failed");
  const door = openServiceDoor(config, (callers) =>
    createCheckDoor(
      { checks, callers, metrics, traceIds, policyVersion: policies.version, onFailure },
      (request, response) =>
        refuse(request, response, {
          code: "NOT_FOUND",
          detail: "There is nothing here.",
          traceId: traceIds(undefined),
        }),
    ),
  );

  health.part("counters", false, counters.health);
  health.part("policies", false, () => ({ healthy: policies.version() > 0, detail: `version ${policies.version()}` }));
  const page = { contentType: registry.contentType, text: () => registry.metrics() };
  let opsPort: number | null = null;
  if (role.ops) {
    const ops = openOpsDoor(config, (mayScrape) =>
      createOpsDoor({ health, metrics: page, mayScrape, traceIds, onFailure }),
    );
    opsPort = await ops.listen(config.opsPort, config.host);
    shutdown.before("operations port", ops.drain);
  }

  await Promise.race([policies.ready, timeout(FIRST_WORD_MS)]);
  const port = await door.listen(config.port, config.host);
  shutdown.before("service port", door.drain);
  shutdown.before("readiness", health.stop);
  health.start();
  return { port, opsPort, health, registry, policies };
}

function timeout(limitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, limitMs).unref());
}
