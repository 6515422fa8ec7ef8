// How many connections an instance and each of its workers may hold: the one place where that is derived.
//
// PostgreSQL: the environment has one total. It is divided by the most instances there may ever be at once, then by the
// workers of an instance; of its part a worker keeps one connection that listens, and the rest is its pool. Where nobody
// set a total, a pool starts at twice the cores that its worker has, within what the profile's greatest total leaves.
// The total covers what lasts. Passing connections (the old pool while a new one takes over, the look at the schema at a
// start, the migration job, `doctor`, people, exporters) come on top and are what `serverNeeds` reserves.
// Redis: a worker holds one connection to each node it knows, which are the masters and the seeds.
// Not here: reading the settings and wording what is wrong with them (config-pool.ts), the pool itself (pool.ts).

/** Totals an environment may have; `replicas` is assumed where nothing is set. dev fits a PostgreSQL as it comes (100). */
export const DATABASE_TOTALS = {
  dev: { least: 3, most: 40, replicas: 1 },
  stage: { least: 40, most: 60, replicas: 4 },
  prod: { least: 80, most: 120, replicas: 10 },
} as const;

const LISTENING_PER_WORKER = 1;
/** One for a transaction, and one for the reader of policies that must not wait behind it. */
const LEAST_POOL = 2;
/** What a worker cannot do without. */
export const LEAST_PER_WORKER = LISTENING_PER_WORKER + LEAST_POOL;
const POOL_PER_CORE = 2;

/** `doctor`, the migration job, backup, exporter, a few people, and the three that PostgreSQL keeps for superusers. */
const RESERVED = 20;
/** The look at the schema that an instance takes as it starts. */
const PASSING_PER_INSTANCE = 1;

export const MOST_REDIS_PER_INSTANCE = 300;

export type BudgetQuestion = Readonly<{
  /** For the whole environment; null = nobody set one. */
  total: number | null;
  /** The profile's greatest total. */
  mostTotal: number;
  /** The most instances at once, a rolling update's surplus included. */
  maxReplicas: number;
  /** `auto` = one per core, or as many as the connections are enough for. */
  workers: number | "auto";
  cores: number;
  /** Redis nodes known from the start; 0 = counters in this process. */
  redisNodes: number;
}>;

export type ConnectionBudget = Readonly<{
  workers: number;
  /** Cores without a worker because the connections are not enough for one. */
  idleCores: number;
  /** Connections of one worker's pool. Below `LEAST_POOL` = the budget does not work out. */
  poolSize: number;
  /** All lasting PostgreSQL connections of one instance. */
  perInstance: number;
  /** What `max_connections` of the server must be at least, for the whole environment. */
  serverNeeds: number;
  worksOut: boolean;
}>;

export function deriveBudget(question: BudgetQuestion): ConnectionBudget {
  const { total, mostTotal, maxReplicas, cores } = question;
  const perInstance = Math.floor((total ?? mostTotal) / maxReplicas);
  const workers = question.workers === "auto" ? workersFor(perInstance, question) : question.workers;
  const share = Math.floor(perInstance / workers) - LISTENING_PER_WORKER;
  const starting = Math.max(LEAST_POOL, Math.round((POOL_PER_CORE * cores) / workers));
  const poolSize = total === null ? Math.min(share, starting) : share;
  const lasting = workers * (poolSize + LISTENING_PER_WORKER);
  return {
    workers,
    idleCores: question.workers === "auto" ? cores - workers : 0,
    poolSize,
    perInstance: lasting,
    serverNeeds: maxReplicas * (lasting + workers * poolSize + PASSING_PER_INSTANCE) + RESERVED,
    worksOut: poolSize >= LEAST_POOL,
  };
}

function workersFor(perInstance: number, { cores, redisNodes }: BudgetQuestion): number {
  const byDatabase = Math.floor(perInstance / LEAST_PER_WORKER);
  const byRedis = redisNodes === 0 ? cores : Math.floor(MOST_REDIS_PER_INSTANCE / redisNodes);
  return Math.max(1, Math.min(cores, byDatabase, byRedis));
}
