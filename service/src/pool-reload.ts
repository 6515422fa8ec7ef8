// SIGHUP: the pool's settings are read again, and the pool is rebuilt under the work that goes on
// (docs/runbooks/pool-resize.md).
//
// Promise: a faulty value changes nothing and is logged with its fix. Values that did not change rebuild the pool, too:
// that is how an instance is made to take new connections. Signals that come while one is served are served together,
// after it. The number of workers stays as it was at the start.
// Not here: the signal itself and who passes it on (main.ts, workers.ts).
import { readFileSync } from "node:fs";
import type { Config } from "./config.ts";
import { applyConnectionRules, readPool } from "./config-pool.ts";
import { ConfigReader, describeFaults, type Environment } from "./config-reader.ts";
import { connectionsOf } from "./connections.ts";
import type { Log } from "./platform/log.ts";
import type { RebuildablePool } from "./platform/pool.ts";

export type PoolReload = Readonly<{
  run: () => void;
  /** A signal that came before there was a pool is served now. */
  attach: (pool: RebuildablePool) => void;
}>;

export type PoolReloadParts = Readonly<{ environment: Environment; config: Config; log: Log }>;

export function createPoolReload(parts: PoolReloadParts): PoolReload {
  const attached = Promise.withResolvers<RebuildablePool>();
  let isDue = false;
  let isRunning = false;
  const runWhileDue = async () => {
    isRunning = true;
    const pool = await attached.promise;
    while (isDue) {
      isDue = false;
      await reload(parts, pool);
    }
    isRunning = false;
  };
  return {
    attach: attached.resolve,
    run: () => {
      isDue = true;
      if (!isRunning) void runWhileDue();
    },
  };
}

async function reload({ environment, config, log }: PoolReloadParts, pool: RebuildablePool): Promise<void> {
  const reader = new ConfigReader(environment, (path) => readFileSync(path, "utf8"));
  const workers = connectionsOf(config).workers;
  const renewed = { ...config, workers, pool: readPool(reader, config.profile) };
  applyConnectionRules(reader, renewed);
  if (reader.faults.length > 0) {
    log.error({ faults: describeFaults(reader.faults) }, "the connection pool stays as it is");
    return;
  }
  const was = pool.size;
  const { size, left } = await pool.rebuild(connectionsOf(renewed).poolSize);
  if (left > 0) log.warn({ left }, "connections of the old pool are still in use, and end when they are given back");
  log.info({ size, was }, "the connection pool was rebuilt");
}
