// Steps that several faults take. Not here: what they are taken for.

import { waitFor } from "../../../service/test/wait.ts";
import type { RedisServer } from "../../../stack/src/redis-stack.ts";
import type { World } from "../lab/fault.ts";

const HAND_OVER_MS = 10_000;

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

/** Whatever Redis is not running is started again. */
export async function startStopped({ stack }: World): Promise<void> {
  await Promise.all(stack.redis.nodes.filter((node) => !node.isRunning()).map((node) => node.start()));
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
