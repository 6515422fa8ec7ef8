// Several workers, one per core: the primary forks them, replaces one that died, and serves the operations port for all.
// Nothing is shared between them but the listening socket, Redis and PostgreSQL.
// Not here: what a worker is (service.ts).
import cluster, { type Worker } from "node:cluster";
import type { Config } from "./config.ts";
import { openOpsDoor } from "./doors.ts";
import { createHealth, type HealthReport } from "./platform/health.ts";
import type { Log } from "./platform/log.ts";
import { gatherMetrics } from "./platform/metrics-workers.ts";
import { createOpsDoor } from "./platform/ops.http.ts";
import type { Shutdown } from "./platform/shutdown.ts";
import { createTraceIds } from "./platform/trace.ts";

/** A worker that dies is replaced after this, so that a broken start does not spin. */
const REPLACE_MS = 500;
/** The first ordinal keeps the schema and the snapshot file. */
export const ORDINAL_VARIABLE = "SLUICE_WORKER_ORDINAL";

export type WorkerMessage =
  | Readonly<{ kind: "started"; port: number }>
  | Readonly<{ kind: "health"; report: HealthReport }>;

/** `mustReload` = a SIGHUP came before it listened to one. */
type Known = { worker: Worker; report: HealthReport | null; mustReload: boolean };

/** Resolves with the ports once every worker listens. */
export async function startWorkers(
  config: Config,
  count: number,
  log: Log,
  shutdown: Shutdown,
): Promise<Readonly<{ port: number; opsPort: number }>> {
  const known = new Map<number, Known>();
  let stopping = false;
  const port = Promise.withResolvers<number>();
  let started = 0;

  const fork = (ordinal: number) => {
    const worker = cluster.fork({ [ORDINAL_VARIABLE]: String(ordinal) });
    const entry: Known = { worker, report: null, mustReload: false };
    known.set(ordinal, entry);
    worker.on("message", (message: WorkerMessage) => {
      if (message.kind === "health") entry.report = message.report;
      if (entry.mustReload) reload(entry);
      if (message.kind !== "started") return;
      started += 1;
      if (started === count) port.resolve(message.port);
    });
    worker.on("exit", (code, signal) => {
      entry.report = null;
      if (stopping) return;
      log.error({ ordinal, code, signal }, "a worker ended and is replaced");
      setTimeout(() => !stopping && fork(ordinal), REPLACE_MS);
    });
  };
  for (let ordinal = 0; ordinal < count; ordinal += 1) fork(ordinal);
  process.on("SIGHUP", () => {
    for (const entry of known.values()) reload(entry);
  });

  const health = createHealth();
  for (let ordinal = 0; ordinal < count; ordinal += 1) {
    health.part(`worker ${ordinal}`, false, () => healthOf(known.get(ordinal)));
  }
  health.part("workers", true, () => {
    const ready = [...known.values()].filter(({ report }) => report?.ready === true).length;
    return { healthy: ready > 0, detail: `${ready} of ${count} ready` };
  });
  // A worker that has not reported yet is still starting and could not answer.
  const metrics = gatherMetrics(() =>
    [...known.values()].filter(({ report }) => report !== null).map(({ worker }) => worker),
  );
  const onFailure = (cause: unknown, traceId: string) => log.error({ err: cause, traceId }, "a request failed");
  const ops = openOpsDoor(config, (mayScrape) =>
    createOpsDoor({ health, metrics, mayScrape, traceIds: createTraceIds(), onFailure }),
  );
  const opsPort = await ops.listen(config.opsPort, config.host);
  shutdown.before("operations port", ops.drain);
  // They go on serving for the drain delay, each by itself and all at once, while the one /readyz says no.
  shutdown.before("workers", async () => {
    stopping = true;
    await Promise.all([...known.values()].map(({ worker }) => stop(worker)));
  });
  shutdown.before("readiness", health.stop);
  const servicePort = await port.promise;
  health.start();
  return { port: servicePort, opsPort };
}

function healthOf(entry: Known | undefined): Readonly<{ healthy: boolean; detail: string }> {
  const report = entry?.report ?? null;
  if (report === null) return { healthy: false, detail: "not started" };
  const unwell = Object.entries(report.parts).filter(([, part]) => !part.healthy);
  return {
    healthy: report.ready,
    detail: unwell.map(([name, { detail }]) => `${name}: ${detail}`).join("; ") || report.phase,
  };
}

/** A worker has written to us only after it began to listen to SIGHUP, which would end it before. */
function reload(entry: Known): void {
  entry.mustReload = entry.report === null;
  if (!entry.mustReload) entry.worker.process.kill("SIGHUP");
}

function stop(worker: Worker): Promise<void> {
  if (worker.isDead()) return Promise.resolve();
  return new Promise((resolve) => {
    worker.once("exit", () => resolve());
    worker.process.kill("SIGTERM");
  });
}
