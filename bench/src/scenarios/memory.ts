// What an active tenant occupies in Redis, as Redis counts it (used_memory): keys, values and its tables.
import { type ScopeCount, tenantId } from "../bench-policies.ts";
import { checkRequest, DECIDED } from "../requests.ts";
import { atMost, type Figure, type Pace, type Scenario } from "../scenario.ts";
import type { BenchService } from "../servers/service.ts";
import { single } from "../statistics.ts";
import type { World } from "../world.ts";

const SCOPE_COUNTS: readonly ScopeCount[] = [1, 2, 3];
const CONNECTIONS = 16;
const KEYS_PER_COMMAND = 500;

export const memory: Scenario = {
  name: "memory",
  about: "bytes of Redis per tenant that asked once, with five windows in each scope; one user and one API per tenant",
  run: async (world, pace) => {
    const service = await world.service(SCOPE_COUNTS, pace.memoryTenants);
    const figures: Figure[] = [];
    for (const scopes of SCOPE_COUNTS) figures.push(...(await occupied(world, service, scopes, pace)));
    return figures;
  },
};

async function occupied(world: World, service: BenchService, scopes: ScopeCount, pace: Pace): Promise<Figure[]> {
  const { redis } = world;
  const tenants = pace.memoryTenants;
  await redis.command("FLUSHALL", "SYNC");
  await askUntilAllAreKnown(world, service, scopes, tenants);
  const withUsageBytes = await usedBytes(redis);
  // Usage is fetched and dropped every few minutes; what stays is the state of the counters.
  await removeUsage(redis);
  const statesBytes = await usedBytes(redis);
  await redis.command("FLUSHALL", "SYNC");
  const emptyBytes = await usedBytes(redis);
  const perTenant = (statesBytes - emptyBytes) / tenants;
  return [
    single(`${scopes} scopes: per tenant and scope`, "B", perTenant / scopes, atMost(250)),
    single(`${scopes} scopes: per tenant`, "B", perTenant),
    single(`${scopes} scopes: usage hash per tenant, apart`, "B", (withUsageBytes - statesBytes) / tenants),
  ];
}

/** The requests go round, so a second is enough once each tenant had its turn: the last key tells. */
async function askUntilAllAreKnown(world: World, service: BenchService, scopes: ScopeCount, tenants: number) {
  const requests = Array.from({ length: tenants }, (_, index) => checkRequest(tenantId(scopes, index)));
  const job = { port: service.port, protocol: "http" as const, requests, expect: DECIDED, connections: CONNECTIONS };
  for (let seconds = 2; ; seconds *= 2) {
    const { completed } = await world.generator.closedLoop({ ...job, seconds });
    if (completed >= tenants) return;
  }
}

/** Reloading first gives the tables of Redis the size that its keys need: they do not shrink when keys are removed. */
async function usedBytes(redis: World["redis"]): Promise<number> {
  await redis.command("DEBUG", "RELOAD");
  const [, bytes] = /used_memory:(\d+)/.exec(String(await redis.command("INFO", "memory"))) ?? [];
  return Number(bytes);
}

async function removeUsage(redis: World["redis"]): Promise<void> {
  const keys = (await redis.keys()).filter((key) => key.includes("}:w:"));
  for (let from = 0; from < keys.length; from += KEYS_PER_COMMAND) {
    await redis.command("DEL", ...keys.slice(from, from + KEYS_PER_COMMAND));
  }
}
