// Steps that several faults take. Not here: what they are taken for.

import { waitFor } from "../../../service/test/wait.ts";
import type { RedisServer } from "../../../stack/src/redis-stack.ts";
import { type AdminWriter, startAdminWriter } from "../lab/admin-writer.ts";
import type { World } from "../lab/fault.ts";

const HAND_OVER_MS = 10_000;
const WRITES_BEFORE_MS = 1_500;
const BETWEEN_DEPLOYMENTS_MS = 1_500;
const IN_STEP_MS = 20_000;
/** A figure of every fault in which administrators work. */
export const ADMIN_LOST = "acknowledged changes lost";

/** The masters, each once, in the order of the cast. */
export async function mastersOf({ stack, cast }: World): Promise<RedisServer[]> {
  const owners = await Promise.all(cast.map(({ id }) => stack.redis.masterOf(id)));
  return [...new Set(owners)];
}

export async function firstMaster(world: World): Promise<RedisServer> {
  const [first] = await mastersOf(world);
  if (first === undefined) throw new Error("The cluster has no master: start a new stack.");
  return first;
}

export function everyTenant({ cast }: World): string[] {
  return cast.map(({ id }) => id);
}

/** Administrators who make changes to the end of the run; something is acknowledged already, or nothing could be lost. */
export async function administratorsAtWork({ stack, atEnd, pause }: World): Promise<AdminWriter> {
  const writer = await startAdminWriter(stack);
  atEnd(writer.stop);
  await pause(WRITES_BEFORE_MS);
  return writer;
}

/** Whatever Redis is not running is started again. */
export async function startStopped({ stack }: World): Promise<void> {
  await Promise.all(stack.redis.nodes.filter((node) => !node.isRunning()).map((node) => node.start()));
}

/** For `deployAnew`: unready first, then serving until the balancer has seen it. */
export const DRAINED = { SLUICE_DRAIN_DELAY_MS: "2000" };

/** SIGTERM of each instance in turn, and a new one in its place before the next; `environment` goes over the stack's. */
export async function deployAnew(world: World, environment: Readonly<Record<string, string>> = {}): Promise<void> {
  for (const instance of world.stack.instances) {
    await instance.terminate();
    await instance.start(environment);
    await world.pause(BETWEEN_DEPLOYMENTS_MS);
  }
}

/** Resolves when it has followed its master up to now. */
export async function inStep(replica: RedisServer): Promise<void> {
  const isInStep = async () => String(await replica.command("INFO", "replication")).includes("master_link_status:up");
  await waitFor(`${replica.name} is in step`, isInStep, IN_STEP_MS);
}

/** A planned failover: resolves when the replica is the master, having missed nothing. */
export async function handOver(replica: RedisServer): Promise<void> {
  await replica.command("CLUSTER", "FAILOVER");
  await waitFor(
    `${replica.name} is the master`,
    async () => String(await replica.command("ROLE")).startsWith("master"),
    HAND_OVER_MS,
  );
}
