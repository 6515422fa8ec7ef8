// The connection budget's settings: the environment's total and the most instances it may have. Both may come from files,
// which are read again at SIGHUP (pool-reload.ts), because the environment of a running process does not change.
// Not here: the arithmetic (platform/connection-budget.ts).
import type { Config, Profile } from "./config.ts";
import type { ConfigReader, Range } from "./config-reader.ts";
import {
  type BudgetQuestion,
  DATABASE_TOTALS,
  deriveBudget,
  LEAST_PER_WORKER,
  MOST_REDIS_PER_INSTANCE,
} from "./platform/connection-budget.ts";

export type PoolConfig = Readonly<{
  /** PostgreSQL connections of the whole environment; null = a pool starts at twice its cores. */
  total: number | null;
  maxReplicas: number;
}>;

const REPLICAS: Range = { least: 1, most: 100, unit: "instances at once" };

export function readPool(reader: ConfigReader, profile: Profile): PoolConfig {
  const { least, most, replicas } = DATABASE_TOTALS[profile];
  const range = { least, most, unit: `connections of all ${profile} instances together` };
  return {
    total: reader.integerOrFile("SLUICE_DATABASE_POOL_TOTAL", range, null),
    maxReplicas: reader.integerOrFile("SLUICE_MAX_REPLICAS", REPLICAS, replicas),
  };
}

/** What `deriveBudget` is asked for this configuration on a machine with `cores`. */
export function budgetQuestion(config: Config, cores: number): BudgetQuestion {
  const { database, redis, pool, profile } = config;
  // With a store in this process there is exactly one worker.
  const isAlone = database.kind === "embedded" || redis.kind === "embedded";
  return {
    ...pool,
    mostTotal: DATABASE_TOTALS[profile].most,
    workers: isAlone ? 1 : config.workers,
    cores,
    redisNodes: redis.kind === "redis" ? redis.seeds.length : 0,
  };
}

/** `auto` workers are as many as fit, so there only the first one must. */
export function applyConnectionRules(reader: ConfigReader, config: Config): void {
  const question = budgetQuestion(config, 1);
  applyRedisRule(reader, question);
  if (config.database.kind === "embedded") return;
  if (reader.isFaulty("SLUICE_DATABASE_POOL_TOTAL") || reader.isFaulty("SLUICE_MAX_REPLICAS")) return;
  const { workers, worksOut } = deriveBudget(question);
  if (worksOut) return;
  const total = question.total ?? question.mostTotal;
  const share = Math.floor(total / question.maxReplicas);
  const problem =
    `is ${question.maxReplicas}: of ${total} connections (SLUICE_DATABASE_POOL_TOTAL) that leaves each instance ${share}, ` +
    `while its ${workers} ${workers === 1 ? "worker needs" : "workers need"} ${workers * LEAST_PER_WORKER}`;
  reader.fault("SLUICE_MAX_REPLICAS", problem, waysOut(question, workers, total, share));
}

function applyRedisRule(reader: ConfigReader, { workers, redisNodes }: BudgetQuestion): void {
  const most = Math.floor(MOST_REDIS_PER_INSTANCE / Math.max(1, redisNodes));
  if (workers === "auto" || workers <= most) return;
  const problem =
    `is ${workers}, and each worker holds a connection to each of ${redisNodes} Redis nodes: ${workers * redisNodes}, ` +
    `where an instance may have ${MOST_REDIS_PER_INSTANCE}`;
  reader.fault("SLUICE_WORKERS", problem, `set it to at most ${most}, or to auto`);
}

/** Each setting that would be enough to change alone. */
function waysOut({ maxReplicas, mostTotal }: BudgetQuestion, workers: number, total: number, share: number): string {
  const needed = workers * LEAST_PER_WORKER;
  const replicas = Math.floor(total / needed);
  const fewer = Math.floor(share / LEAST_PER_WORKER);
  const ways = [
    ...(replicas > 0 ? [`SLUICE_MAX_REPLICAS to at most ${replicas}`] : []),
    ...(needed * maxReplicas <= mostTotal ? [`SLUICE_DATABASE_POOL_TOTAL to at least ${needed * maxReplicas}`] : []),
    ...(fewer > 0 ? [`SLUICE_WORKERS to at most ${fewer}, or to auto`] : []),
  ];
  return ways.length > 0 ? `set ${ways.join("; or ")}` : "lower SLUICE_WORKERS and SLUICE_MAX_REPLICAS";
}
