// Opens what the service keeps its things in, as configured: PostgreSQL or the embedded one, Redis or this process.
import { resolve } from "node:path";
import type { Config } from "./config.ts";
import type { DatabaseConfig, RedisConfig } from "./config-stores.ts";
import { MemoryCounters } from "./counters/counters.memory.ts";
import { RedisCounters } from "./counters/counters.redis.ts";
import type { Counters } from "./counters/counters.ts";
import type { RedisAccess } from "./counters/node.redis.ts";
import { startCensus } from "./fallback/worker-census.redis.ts";
import { ALONE, type WorkerCensus } from "./fallback/worker-census.ts";
import { startEmbeddedPostgres } from "./platform/embedded-postgres.ts";
import type { StoreMetrics } from "./platform/metrics-store.ts";
import type { PostgresOptions } from "./platform/postgres.ts";
import { UsageTotals } from "./usage/usage-totals.ts";

const KEY_PREFIX = "sl:";

export type OpenDatabase = Readonly<{
  options: PostgresOptions;
  migrateOptions: PostgresOptions;
  close: () => Promise<void>;
}>;

export async function openDatabase(config: DatabaseConfig, onDeath: (fault: Error) => void): Promise<OpenDatabase> {
  if (config.kind === "embedded") {
    const embedded = await startEmbeddedPostgres({ folder: resolve(config.dataDir), onDeath });
    const options = { url: embedded.url };
    return { options, migrateOptions: options, close: embedded.close };
  }
  const options = postgresOptions(config.url.reveal(), config.tlsCa);
  const migrateOptions = postgresOptions((config.migrateUrl ?? config.url).reveal(), config.tlsCa);
  return { options, migrateOptions, close: async () => undefined };
}

function postgresOptions(url: string, ca: string | null): PostgresOptions {
  return ca === null ? { url } : { url, tls: { ca, rejectUnauthorized: true } };
}

export type OpenCounters = Readonly<{ counters: Counters; census: WorkerCensus; close: () => Promise<void> }>;

/** A Redis that is away is found when it comes: opening does not fail. */
export async function openCounters(
  config: Config,
  observer: StoreMetrics,
  clock: (() => number) | undefined,
): Promise<OpenCounters> {
  if (config.redis.kind === "embedded") {
    const counters = new MemoryCounters(clock);
    return { counters, census: ALONE, close: () => counters.close() };
  }
  const counters = new RedisCounters({
    seeds: config.redis.seeds.map(({ host, port }) => `${host}:${port}`),
    access: redisAccess(config.redis),
    keyPrefix: KEY_PREFIX,
    idSecret: config.idSecret.reveal(),
    deadlineMs: config.checkDeadlineMs,
    usage: new UsageTotals(),
    observer,
    ...(clock === undefined ? {} : { clock }),
  });
  await counters.start();
  const census = startCensus(counters, KEY_PREFIX);
  return {
    counters,
    census,
    close: async () => {
      await census.close();
      await counters.close();
    },
  };
}

function redisAccess(redis: Extract<RedisConfig, { kind: "redis" }>): RedisAccess {
  const { username, password, tls } = redis;
  return {
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password: password.reveal() }),
    tls:
      tls === null
        ? null
        : {
            ...(tls.ca === null ? {} : { ca: tls.ca }),
            ...(tls.certificate === null ? {} : { cert: tls.certificate }),
            ...(tls.privateKey === null ? {} : { key: tls.privateKey.reveal() }),
            ...(tls.serverName === null ? {} : { servername: tls.serverName }),
          },
  };
}
