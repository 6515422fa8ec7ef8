// F16: a shard is failed over by hand again and again. It must neither flap for long nor leak connections.
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, SOON_EXACT } from "../lab/expectations.ts";
import type { Fault, World } from "../lab/fault.ts";
import { firstMaster, handOver } from "./parts.ts";

const FAILOVERS = 4;
const APART_MS = 5_000;

export const failoverStorm: Fault = {
  id: "F16",
  name: "failover storm",
  about: `${FAILOVERS} planned failovers of one shard, ${APART_MS / 1_000} s apart.`,
  faultMs: FAILOVERS * APART_MS,
  recoveryMs: 6_000,
  inflict: async (world) => {
    const before = await clients(world);
    const struck = await world.tenantsOf(await firstMaster(world));
    for (let failover = 0; failover < FAILOVERS; failover += 1) {
      await handOver(await world.stack.redis.replicaOf(await firstMaster(world)));
      await world.pause(APART_MS);
    }
    world.tell("connections left over", Math.max(0, (await clients(world)) - before));
    return struck;
  },
  mend: async () => undefined,
  expectations: [
    ...EVERY_FAULT,
    OTHERS_EXACT,
    ...COUNTS_KEPT,
    SOON_EXACT,
    {
      figure: "connections left over",
      atMost: 3,
      why: "an instance may have one to a node that it had none to before",
    },
  ],
};

/** Of all nodes together. */
async function clients({ stack }: World): Promise<number> {
  const pages = await Promise.all(stack.redis.nodes.map((node) => node.command("INFO", "clients")));
  return pages.reduce<number>((sum, page) => sum + Number(/connected_clients:(\d+)/.exec(String(page))?.[1]), 0);
}
