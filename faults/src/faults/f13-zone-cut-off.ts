// F13: an availability zone is cut off from the others: a master of Redis, a replica of another one, PostgreSQL's primary and
// an instance of the service, which its callers still reach. The others promote; the instance in the zone counts on its
// master for as long as that takes itself for one, then answers by the Fallback. After the cut nothing may be counted twice.
import { waitFor } from "../../../service/test/wait.ts";
import type { Network } from "../../../stack/src/network.ts";
import type { ServiceInstance } from "../../../stack/src/service-instance.ts";
import { type AdminWriter, longestPauseMs } from "../lab/admin-writer.ts";
import { EVERY_FAULT, SOON_EXACT, USAGE_EXACT } from "../lab/expectations.ts";
import type { Fault, World } from "../lab/fault.ts";
import { ADMIN_LOST, administratorsAtWork, everyTenant } from "./parts.ts";

const MASTER = "redis-1";
/** Beside PostgreSQL's primary, whichever node that is. */
const IN_ZONE = [MASTER, "redis-5", "instance-1"];
const INSTANCE = "instance-1";
const ELSEWHERE = ["redis-2", "redis-3", "redis-4", "redis-6", "instance-2", "instance-3", "postgres-monitor"];
const PROMOTION_MOST_MS = 15_000;

/** Of a tenant's cost, by one instance of three, until a master without a majority stops: cluster-node-timeout. */
const MOST_ADMITTED_TWICE = 20;

const OTHERS_EXACT_MS = "otherZonesExactMs";
const NOT_OPEN = "tenants in the zone without the Fallback";
const ADMIN_PAUSE_MS = "adminPauseMs";

export const zoneCutOff: Fault = zoneCutOffFault();

function zoneCutOffFault(): Fault {
  let writer: AdminWriter | null = null;
  let cutMs = 0;
  return {
    id: "F13",
    name: "zone cut off",
    about:
      `Packets between ${IN_ZONE.join(", ")} with PostgreSQL's primary and all other machines are dropped, both ways; callers ` +
      "reach every instance. Healed later.",
    stack: { network: true, postgres: "auto_failover" },
    faultMs: 20_000,
    recoveryMs: 15_000,
    usage: true,
    inflict: async (world) => {
      writer = await administratorsAtWork(world);
      const [theirs = ""] = await world.tenantsOf(masterOf(world));
      cutMs = Date.now();
      await cutZoneOff(world);
      await allCount(othersOf(world), theirs);
      world.tell(OTHERS_EXACT_MS, Date.now() - cutMs);
      return everyTenant(world);
    },
    mend: async (world) => {
      const answers = await fallbackAnswers(instanceOf(world), everyTenant(world));
      world.tell(NOT_OPEN, answers.filter((isFallback) => !isFallback).length);
      await networkOf(world).heal();
    },
    inspect: async (world) => {
      const stoppedMs = Date.now();
      await writer?.stop();
      if (writer === null) return;
      world.tell(ADMIN_PAUSE_MS, longestPauseMs(writer.writes, cutMs, stoppedMs));
      world.tell(ADMIN_LOST, await writer.lost());
    },
    expectations: [
      ...EVERY_FAULT,
      ...USAGE_EXACT,
      { figure: OTHERS_EXACT_MS, atMost: 5_000, why: "the replica outside is promoted" },
      { figure: "quotaOverAdmission", atMost: MOST_ADMITTED_TWICE, why: "no more than the zone's own callers took" },
      { figure: NOT_OPEN, atMost: 0, why: "without a majority nobody counts, and nobody is refused for it" },
      SOON_EXACT,
      { figure: ADMIN_PAUSE_MS, atMost: 15_000, why: "the standby outside is promoted" },
      { figure: ADMIN_LOST, atMost: 0, why: "what was acknowledged was on both nodes" },
    ],
  };
}

async function cutZoneOff(world: World): Promise<void> {
  const { failover } = world.stack;
  if (failover === null) throw new Error("This fault needs a PostgreSQL that fails over: set postgres.");
  const primary = await failover.primary();
  const standbys = failover.nodes.filter((node) => node !== primary).map(({ name }) => name);
  await networkOf(world).cut([...IN_ZONE, primary.name], [...ELSEWHERE, ...standbys]);
}

/** Resolves when each of these has counted for the tenant, be it once: a busy machine may be late for any single look. */
async function allCount(instances: readonly ServiceInstance[], tenant: string): Promise<void> {
  const waits = instances.map((instance) => {
    const counts = async () => !(await fallbackAnswers(instance, [tenant])).some(Boolean);
    return waitFor(`${instance.name} counts for ${tenant}`, counts, PROMOTION_MOST_MS);
  });
  await Promise.all(waits);
}

/** A look takes nothing: it is in no account. */
async function fallbackAnswers(instance: ServiceInstance, tenants: readonly string[]): Promise<boolean[]> {
  const looks = tenants.map((tenantId) => instance.ask({ tenantId, apiPath: "/", httpMethod: "GET", cost: 0 }));
  return (await Promise.all(looks)).map(({ reason }) => reason.endsWith("_FALLBACK"));
}

function networkOf({ stack }: World): Network {
  if (stack.network === null) throw new Error("This fault cuts links: set network.");
  return stack.network;
}

function masterOf({ stack }: World) {
  const master = stack.redis.nodes.find(({ name }) => name === MASTER);
  if (master === undefined) throw new Error(`The stack has no ${MASTER}.`);
  return master;
}

function instanceOf({ stack }: World): ServiceInstance {
  const instance = stack.instances.find(({ name }) => name === INSTANCE);
  if (instance === undefined) throw new Error(`The stack has no ${INSTANCE}.`);
  return instance;
}

function othersOf({ stack }: World): readonly ServiceInstance[] {
  return stack.instances.filter(({ name }) => name !== INSTANCE);
}
