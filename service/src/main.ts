// The start of the process: reads the configuration, decides how many workers there are, and ends in order.
import cluster from "node:cluster";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type Config, readConfig } from "./config.ts";
import type { Environment } from "./config-reader.ts";
import { startDemo } from "./demo/demo.ts";
import { createLog, type Log } from "./platform/log.ts";
import { answerForMetrics } from "./platform/metrics-workers.ts";
import { createShutdown, shutdownOnSignals } from "./platform/shutdown.ts";
import { type RunningWorker, startWorker } from "./service.ts";
import { ORDINAL_VARIABLE, startWorkers, type WorkerMessage } from "./workers.ts";

const HEALTH_EVERY_MS = 250;

/** Starts the service as the environment says. Ends the process with 2 when the configuration is faulty. */
export async function serve(environment: Environment): Promise<void> {
  const config = configOf(environment);
  const log = createLog(config.logLevel, {
    profile: config.profile,
    worker: Number(environment[ORDINAL_VARIABLE] ?? 0),
  });
  const shutdown = createShutdown({
    limitMs: config.shutdownMs,
    exit: (code) => process.exit(code),
    say: (what, detail) => log.info(detail === undefined ? {} : { err: detail }, what),
  });
  shutdownOnSignals(shutdown);
  try {
    if (cluster.isWorker) {
      tellPrimary(await startWorker(config, roleOf(environment), log, shutdown));
    } else if (workersOf(config) === 1) {
      const worker = await startWorker(config, { keeper: true, ops: true }, log, shutdown);
      log.info({ port: worker.port, opsPort: worker.opsPort }, "ready");
      if (config.demo) await startDemo(config, worker, shutdown);
    } else {
      const ports = await startWorkers(config, workersOf(config), log, shutdown);
      log.info({ ...ports, workers: workersOf(config) }, "ready");
    }
  } catch (cause) {
    fail(log, cause);
  }
}

function configOf(environment: Environment): Config {
  const read = readConfig(environment, (path) => readFileSync(path, "utf8"));
  if (read.kind === "ok") return read.config;
  for (const { variable, problem, fix } of read.faults) process.stderr.write(`${variable} ${problem}: ${fix}\n`);
  process.exit(2);
}

/** With a store in this process there is exactly one worker; otherwise `auto` is one per core. */
function workersOf(config: Config): number {
  if (config.database.kind === "embedded" || config.redis.kind === "embedded") return 1;
  return config.workers === "auto" ? availableParallelism() : config.workers;
}

function roleOf(environment: Environment) {
  return { keeper: environment[ORDINAL_VARIABLE] === "0", ops: false };
}

function tellPrimary({ port, health, registry }: RunningWorker): void {
  answerForMetrics(registry);
  const tell = (message: WorkerMessage) => process.send?.(message);
  tell({ kind: "started", port });
  setInterval(() => tell({ kind: "health", report: health.report() }), HEALTH_EVERY_MS).unref();
}

function fail(log: Log, cause: unknown): never {
  log.fatal({ err: cause }, "the service could not start");
  process.exit(1);
}

if (import.meta.main) {
  const demo = process.argv.includes("--demo") ? { SLUICE_DEMO: "1" } : {};
  await serve({ ...demo, ...process.env });
}
