// A private world: real Redis (one server or a Cluster of six), real PostgreSQL with a database of its own, and as many
// processes of the service as a test starts. Policies get in as they do in production, through the repository's functions.
//
// Promise: `close` leaves no process, port or folder behind, whatever the test killed or froze in between.
// Not here: who asks, how often, and what was answered (load.ts).
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgres } from "../src/platform/postgres.ts";
import { putPlans } from "../src/policies/plans.pg.ts";
import { putPolicies } from "../src/policies/policies.pg.ts";
import { changePolicies } from "../src/policies/policy-changes.pg.ts";
import type { PolicySet } from "../src/policies/policy-set.ts";
import type { PolicyTables } from "../src/policies/policy-tables.ts";
import { putTenants } from "../src/policies/tenants.pg.ts";
import { claimPort } from "./ports.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";
import { type RedisCluster, type RedisNode, startCluster, startRedis } from "./redis.ts";
import { type ServiceProcess, startService } from "./service-process.ts";
import { waitFor } from "./wait.ts";

/** Keys the user ids of every service of a stack, so that a test can name their counters itself. */
export const STACK_ID_SECRET = "secret of the user ids of a stack of tests";
const IN_FORCE_MS = 15_000;
/** For `vi.setConfig`: a busy machine takes several times as long, and every wait inside is bounded by itself. */
export const SYSTEM_TEST_TIMEOUTS = { testTimeout: 180_000, hookTimeout: 120_000 };

export type StartOptions = Readonly<{
  environment?: Readonly<Record<string, string>>;
  /** Of an earlier service, to find its snapshot file; a folder of its own when absent. */
  dataDir?: string;
  /** UTC ms: the counters take their time from `setClock`, and begin with this. One worker. */
  clockMs?: number;
}>;

export type Stack = Readonly<{
  postgres: TestPostgres;
  /** The database of every service. */
  databaseUrl: string;
  /** Every server of the Redis: one, or the six of the cluster. */
  redisUrl: string;
  folder: string;
  services: readonly ServiceProcess[];
  start: (options?: StartOptions) => Promise<ServiceProcess>;
  /** `count` services alike, started together. */
  startMany: (count: number, options?: StartOptions) => Promise<readonly ServiceProcess[]>;
  /** Puts plans, tenants and policies in one transaction; the version it published. */
  put: (policies: Partial<PolicySet>) => Promise<number>;
  /** Resolves when every running service answers from this version or a later one. */
  inForce: (version: number) => Promise<void>;
  /** Hands the same time to every service that was started with a clock; resolves when it holds in all of them. */
  setClock: (nowMs: number) => Promise<void>;
  close: () => Promise<void>;
}>;

export type SingleStack = Stack & Readonly<{ redis: RedisNode }>;
export type ClusterStack = Stack & Readonly<{ cluster: RedisCluster }>;

/** `redis`: further words for redis-server. */
export async function startStack(redis: Parameters<typeof startRedis>[0] = {}): Promise<SingleStack> {
  const node = await startRedis(redis);
  return { ...(await stackOver(node)), redis: node };
}

export async function startClusterStack(): Promise<ClusterStack> {
  const cluster = await startCluster();
  return { ...(await stackOver(cluster)), cluster };
}

async function stackOver(redis: Readonly<{ url: string; stop: () => Promise<void> }>): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-stack-"));
  const postgres = await startPostgres().catch(async (fault) => {
    await redis.stop();
    throw fault;
  });
  const databaseUrl = await postgres.migratedDatabase();
  const services: ServiceProcess[] = [];
  const clockPorts: number[] = [];

  const start = async ({ environment = {}, dataDir, clockMs }: StartOptions = {}) => {
    const settings: Record<string, string> = {
      SLUICE_WORKERS: "1",
      SLUICE_DATABASE_URL: databaseUrl,
      SLUICE_REDIS_URL: redis.url,
      SLUICE_DATA_DIR: dataDir ?? (await mkdtemp(join(folder, "data-"))),
      SLUICE_ID_SECRET: STACK_ID_SECRET,
      ...environment,
    };
    if (clockMs !== undefined) {
      const clockPort = await claimPort();
      clockPorts.push(clockPort);
      settings.SLUICE_TEST_CLOCK_PORT = String(clockPort);
      settings.SLUICE_TEST_CLOCK_MS = String(clockMs);
    }
    const service = await startService(settings, clockMs === undefined ? "main" : "worker-with-clock");
    services.push(service);
    return service;
  };
  return {
    postgres,
    databaseUrl,
    redisUrl: redis.url,
    folder,
    services,
    start,
    startMany: (count, options) => Promise.all(Array.from({ length: count }, () => start(options))),
    put: (policies) => putPolicySet(databaseUrl, policies),
    inForce: async (version) => {
      const running = services.filter(({ process }) => process.isRunning());
      await Promise.all(
        running.map((service) => waitFor("the policies are in force", () => holds(service, version), IN_FORCE_MS)),
      );
    },
    setClock: async (nowMs) => {
      await Promise.all(clockPorts.map((port) => putClock(port, nowMs)));
    },
    close: async () => {
      await Promise.all(services.map((service) => service.stop()));
      await Promise.all([redis.stop(), postgres.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** As an operator with the rights of the database's owner; the version it published. */
export async function putPolicySet(
  url: string,
  { plans = [], tenants = [], policies = [] }: Partial<PolicySet>,
): Promise<number> {
  const postgres = openPostgres<PolicyTables>({ url, poolSize: 1 });
  try {
    const { version } = await changePolicies(postgres.sql, async (change) => {
      await putPlans(change, plans);
      await putTenants(change, tenants, "UTC");
      await putPolicies(change, policies);
    });
    if (version === null) throw new Error("Nothing was changed: give a plan, a tenant or a policy.");
    return version;
  } finally {
    await postgres.close();
  }
}

/** Asked without a counter: an unknown tenant is answered from the policies alone. */
async function holds(service: ServiceProcess, version: number): Promise<boolean> {
  const decision = await service.ask({ tenantId: "nobody", apiPath: "/", httpMethod: "GET", cost: 0 });
  return decision.policyVersion >= version;
}

function putClock(port: number, nowMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, method: "PUT" }, (response) => {
      response.resume().on("end", resolve);
    });
    sent.on("error", reject).end(String(nowMs));
  });
}
