// The start of the process: reads the configuration, decides how many workers there are, and ends in order.
import cluster from "node:cluster";
import { readFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { type Config, readConfig } from "./config.ts";
import type { Environment } from "./config-reader.ts";
import { connectionsOf } from "./connections.ts";
import { startDemo } from "./demo/demo.ts";
import { createLog, type Log } from "./platform/log.ts";
import { answerForMetrics } from "./platform/metrics-workers.ts";
import { createShutdown, shutdownOnSignals } from "./platform/shutdown.ts";
import { createPoolReload } from "./pool-reload.ts";
import { type RunningWorker, startWorker, type WorkerRole } from "./service.ts";
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
  // Where there is one (NODE_COMPILE_CACHE): whoever is killed before an end in order leaves it to the next start, too.
  flushCompileCache();
  const { workers, idleCores, poolSize, perInstance, serverNeeds } = connectionsOf(config);
  // Heard from the first moment on: a signal that comes before the pool is there waits for it. With the embedded database
  // there is nothing to rebuild, and SIGHUP ends the process as it does any other when its terminal goes.
  const start = async (role: WorkerRole) => {
    const poolReload = createPoolReload({ environment, config, log });
    if (config.database.kind === "postgres") process.on("SIGHUP", poolReload.run);
    const worker = await startWorker(config, role, log, shutdown);
    poolReload.attach(worker.postgres.pool);
    return worker;
  };
  try {
    if (cluster.isWorker) {
      tellPrimary(await start(roleOf(environment)));
      return;
    }
    if (config.database.kind === "postgres") {
      log.info({ workers, poolSize, perInstance, serverNeeds }, "PostgreSQL connections");
      if (idleCores > 0) log.warn({ idleCores }, "the connections are not enough for a worker on every core");
    }
    if (workers === 1) {
      const worker = await start({ keeper: true, ops: true });
      log.info({ port: worker.port, opsPort: worker.opsPort }, "ready");
      if (config.demo) await startDemo(config, worker, shutdown);
    } else {
      const ports = await startWorkers(config, workers, log, shutdown);
      log.info({ ...ports, workers }, "ready");
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

/** Everything but the demo is set by the environment, so that whatever else stands there is a mistake. */
function demoOf(words: readonly string[]): Environment {
  const unknown = words.find((word) => word !== "--demo");
  if (unknown === undefined) return words.length > 0 ? { SLUICE_DEMO: "1" } : {};
  process.stderr.write(
    `${unknown} is no argument of the service: it takes --demo, and its settings are SLUICE_* variables\n`,
  );
  process.exit(2);
}

if (import.meta.main) await serve({ ...demoOf(process.argv.slice(2)), ...process.env });
