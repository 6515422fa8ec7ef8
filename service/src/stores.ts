// Opens what the service keeps its things in, as configured: PostgreSQL or the embedded one, Redis or this process.
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import type { Config } from "./config.ts";
import type { RedisConfig } from "./config-stores.ts";
import { connectionsOf } from "./connections.ts";
import { MemoryCounters } from "./counters/counters.memory.ts";
import { RedisCounters } from "./counters/counters.redis.ts";
import type { Counters } from "./counters/counters.ts";
import type { RedisAccess } from "./counters/node.redis.ts";
import type { UsageHashes } from "./counters/usage-hashes.redis.ts";
import { startCensus } from "./fallback/worker-census.redis.ts";
import { ALONE, type WorkerCensus } from "./fallback/worker-census.ts";
import { startEmbeddedPostgres } from "./platform/embedded-postgres.ts";
import type { Log } from "./platform/log.ts";
import type { StoreMetrics } from "./platform/metrics-store.ts";
import type { PostgresOptions } from "./platform/postgres.ts";
import type { ReplicaOptions } from "./platform/read-replica.ts";
import type { Secret } from "./platform/secret.ts";
import type { Acknowledged } from "./usage/acknowledged.ts";

const KEY_PREFIX = "sl:";

export type OpenDatabase = Readonly<{
  options: PostgresOptions;
  migrateOptions: PostgresOptions;
  /** Null = everything is read from the primary. */
  replica: ReplicaOptions | null;
  close: () => Promise<void>;
}>;

export async function openDatabase(config: Config, onDeath: (fault: Error) => void): Promise<OpenDatabase> {
  const { database } = config;
  if (database.kind === "embedded") {
    const embedded = await startEmbeddedPostgres({ folder: resolve(database.dataDir), onDeath });
    const options = { url: embedded.url };
    return { options, migrateOptions: options, replica: null, close: embedded.close };
  }
  const { poolSize } = connectionsOf(config);
  const { url, migrateUrl, replica, tlsCa } = database;
  return {
    options: postgresOptions(url, tlsCa, poolSize),
    migrateOptions: postgresOptions(migrateUrl ?? url, tlsCa, 1),
    replica: replica && { maxLagMs: replica.maxLagMs, postgres: postgresOptions(replica.url, tlsCa, poolSize) },
    close: async () => undefined,
  };
}

function postgresOptions(url: Secret, ca: string | null, poolSize: number): PostgresOptions {
  const options = { url: url.reveal(), poolSize };
  return ca === null ? options : { ...options, tls: { ca, rejectUnauthorized: true } };
}

export type OpenCounters = Readonly<{
  counters: Counters;
  /** What processes left in the store; null where nothing outlives this one. */
  hashes: UsageHashes | null;
  census: WorkerCensus;
  close: () => Promise<void>;
}>;

/** A Redis that is away is found when it comes: opening does not fail. */
export async function openCounters(
  config: Config,
  acknowledged: Acknowledged,
  { metrics, log }: Readonly<{ metrics: StoreMetrics; log: Log }>,
  clock: (() => number) | undefined,
): Promise<OpenCounters> {
  if (config.redis.kind === "embedded") {
    const counters = new MemoryCounters(clock, acknowledged);
    return { counters, hashes: null, census: ALONE, close: () => counters.close() };
  }
  const counters = new RedisCounters({
    seeds: config.redis.seeds.map(({ host, port }) => `${host}:${port}`),
    access: redisAccess(config.redis),
    keyPrefix: KEY_PREFIX,
    idSecret: config.idSecret.reveal(),
    deadlineMs: config.checkDeadlineMs,
    acknowledged,
    observer: {
      ...metrics,
      away: (node, because) => log.warn({ node, because }, "a node of Redis is away: it is tried until it is back"),
      back: (node) => log.info({ node }, "a node of Redis is back"),
    },
    ...(clock === undefined ? {} : { clock }),
  });
  await counters.start();
  const census = startCensus(counters, KEY_PREFIX);
  return {
    counters,
    hashes: counters.usageHashes(),
    census,
    close: async () => {
      await census.close();
      await counters.close();
    },
  };
}

export function redisAccess(redis: Extract<RedisConfig, { kind: "redis" }>): RedisAccess {
  const { username, password, tls } = redis;
  return {
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password: password.reveal() }),
    tls:
      tls === null
        ? null
        : {
            secureContext: createSecureContext({
              ...(tls.ca === null ? {} : { ca: tls.ca }),
              ...(tls.certificate === null ? {} : { cert: tls.certificate }),
              ...(tls.privateKey === null ? {} : { key: tls.privateKey.reveal() }),
            }),
            ...(tls.serverName === null ? {} : { servername: tls.serverName }),
          },
  };
}
