// Builds one worker by hand, from the stores up to the doors, and closes it in reverse.
// This file is the architecture: every part is named once, and what it is given is what it may touch.
import type { RequestListener } from "node:http";
import type { AdminTables } from "./admin/admin-tables.ts";
import { openAdminDoor } from "./admin-door.ts";
import { keepCredentialUses } from "./auth/credential-uses.job.ts";
import { noticeCallersUnknown } from "./callers-notice.ts";
import { createCheckDoor } from "./check/check.http.ts";
import { createChecks } from "./check/check.ts";
import type { Config } from "./config.ts";
import { openAdminListener, openOpsDoor, openServiceDoor } from "./doors.ts";
import { createExplain } from "./explain/explain.ts";
import { createFallback } from "./fallback/fallback.ts";
import { createLedger } from "./fallback/ledger.ts";
import { LimitHitBuffer } from "./limit-hits/limit-hit-buffer.ts";
import { startLimitHitWriter } from "./limit-hits/limit-hit-writer.job.ts";
import { createCalendar } from "./limits/calendar.ts";
import { refuse } from "./platform/answer.http.ts";
import { createHealth, type Health } from "./platform/health.ts";
import type { Log } from "./platform/log.ts";
import { collectProcessMetrics, createMetrics } from "./platform/metrics.ts";
import { watchStandby } from "./platform/metrics-standby.ts";
import { createOpsDoor } from "./platform/ops.http.ts";
import { openPostgres, type Postgres } from "./platform/postgres.ts";
import type { SeriesRegistry } from "./platform/series.ts";
import type { Shutdown } from "./platform/shutdown.ts";
import { watchStalls } from "./platform/stall.ts";
import { createTraceIds } from "./platform/trace.ts";
import type { PolicyTables } from "./policies/policy-tables.ts";
import { openPolicyStore, type PolicyStore } from "./policy-store.ts";
import { rehearse } from "./rehearsal.ts";
import { openCounters, openDatabase } from "./stores.ts";
import { Acknowledged } from "./usage/acknowledged.ts";
import { keepPartitions } from "./usage/partitions.job.ts";
import { keepUsage } from "./usage-keeping.ts";

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
  /** The same as `port` where the Admin API shares it. */
  adminPort: number;
  opsPort: number | null;
  health: Health;
  registry: SeriesRegistry;
  postgres: Postgres<AdminTables>;
  /** Resolves once the first admin can sign in. */
  adminReady: Promise<void>;
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

  const database = await openDatabase(config, (fault) =>
    log.error({ fault: fault.message }, "the embedded database ended"),
  );
  shutdown.before("database", database.close);
  const postgres = openPostgres<AdminTables>(database.options);
  shutdown.before("connections to PostgreSQL", postgres.close);
  const policies = await openPolicyStore({
    config,
    database,
    postgres: narrowed(postgres),
    keeper: role.keeper,
    metrics,
    log,
  });
  shutdown.before("policies", policies.close);
  const { pool } = postgres;
  if (role.keeper) {
    const partitions = keepPartitions({
      pool,
      retention: config.retention,
      after: policies.ready,
      onDropped: (dropped) => log.info({ dropped }, "months beyond retention were dropped"),
      onFault: (fault) => log.warn({ err: fault }, "the months of usage are not kept: it is tried again"),
    });
    shutdown.before("partitions", partitions.close);
    if (config.database.kind === "postgres") shutdown.before("standby watch", watchStandby(registry, pool).close);
  }
  const limitHits = new LimitHitBuffer();
  metrics.watchLimitHits(() => limitHits.tally());
  const limitHitWriter = startLimitHitWriter({
    pool,
    buffer: limitHits,
    onFault: (fault, lost) => {
      if (lost > 0) log.error({ err: fault, lost }, "limit hits were lost");
      else log.warn({ err: fault }, "limit hits are not written: they are kept and tried again");
    },
  });
  shutdown.before("limit hits", limitHitWriter.close);

  const acknowledged = new Acknowledged({ onGeneration: (tenant) => usage.owe(tenant) });
  const {
    counters,
    hashes,
    census,
    close: closeCounters,
  } = await openCounters(config, acknowledged, { metrics: metrics.store, log }, clock);
  shutdown.before("counters", closeCounters);

  const ledger = createLedger(acknowledged.owner);
  const usage = keepUsage({
    ...{ pool, acknowledged, ledger, counters, hashes, policies, metrics, log },
    ...{ intervalMs: config.snapshotIntervalMs, keeper: role.keeper },
  });
  shutdown.before("usage", usage.close);
  const fallback = createFallback({ mode: config.fallback, census, ledger });
  metrics.watchFallback(fallback.tally);
  const calendar = createCalendar();
  const { quotaStatus, maxUsers: maxUsersPerDay } = config;
  const checks = createChecks({
    policies: policies.view,
    counters,
    fallback,
    calendar,
    quotaStatus,
    maxUsersPerDay,
    limitHits,
  });

  const traceIds = createTraceIds();
  const onFailure = (cause: unknown, traceId: string) => log.error({ err: cause, traceId }, "a request failed");
  const explain = createExplain({ policies: policies.view, counters, calendar, quotaStatus, maxUsersPerDay });
  const admin = await openAdminDoor({
    ...{ explain, counters: usage.corrected, schemaReady: policies.ready },
    ...{ config, postgres, replica: database.replica, keeper: role.keeper, metrics, log, traceIds },
    onFailure,
  });
  shutdown.before("administration", admin.close);
  const credentialUses = keepCredentialUses({
    pool,
    onFault: (fault) => log.warn({ err: fault }, "the uses of credentials are not written: they are tried again"),
  });
  shutdown.before("credential uses", credentialUses.close);
  if (role.keeper) noticeCallersUnknown(config, policies, log);
  const nothing: RequestListener = (request, response) =>
    refuse(request, response, { code: "NOT_FOUND", detail: "There is nothing here.", traceId: traceIds(undefined) });
  const door = openServiceDoor(config, credentialUses.noting(policies.credentials), (callers) =>
    createCheckDoor(
      { checks, callers, metrics, traceIds, policyVersion: policies.version, onFailure },
      config.adminPort === null ? admin.handle : nothing,
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

  let adminPort: number | null = null;
  if (config.adminPort !== null) {
    const adminDoor = openAdminListener(config, admin.handle);
    adminPort = await adminDoor.listen(config.adminPort, config.host);
    shutdown.before("admin port", adminDoor.drain);
  }

  await Promise.all([
    Promise.race([policies.ready, timeout(FIRST_WORD_MS)]),
    rehearse({ counters, quotaStatus, maxUsersPerDay }),
  ]);
  const port = await door.listen(config.port, config.host);
  shutdown.before("service port", door.drain);
  // Callers that look at /readyz have this long to see it and go; meanwhile they are served, and new ones too.
  shutdown.before("callers", () => {
    door.release();
    return timeout(config.drainDelayMs);
  });
  shutdown.before("readiness", health.stop);
  health.start();
  return { port, adminPort: adminPort ?? port, opsPort, health, registry, postgres, policies, adminReady: admin.ready };
}

/** The same pool, as the repository of policies knows it. */
function narrowed(postgres: Postgres<AdminTables>): Postgres<PolicyTables> {
  return { ...postgres, sql: postgres.sql.$pickTables<keyof PolicyTables>() };
}

function timeout(limitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, limitMs).unref());
}
