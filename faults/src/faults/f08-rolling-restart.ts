// F8: all six nodes are restarted one after another, as an upgrade does: replicas first, then each master after it has
// handed over to its replica. Nobody sees anything of it.
import type { RedisServer } from "../../../stack/src/redis-stack.ts";
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, OTHERS_EXACT, RATES_HOLD } from "../lab/expectations.ts";
import type { Expectation, Fault, World } from "../lab/fault.ts";
import { everyTenant, handOver, inStep, mastersOf } from "./parts.ts";

const WRITE_WAIT_MS = "longestWriteWaitMs";
const HANDED_OVER_MS = 20_000;
/** Processes look at who owns what every second: by then they have connected again, and have left the old master. */
const KNOWN_AGAIN_MS = 1_500;

const SHORT_WAIT: Expectation = { figure: WRITE_WAIT_MS, atMost: 30, why: "no acknowledgement is put off, for 40 ms" };

export const rollingRestart: Fault = {
  id: "F8",
  name: "rolling restart of Redis",
  about: "Every node is ended and started again in turn; a master hands over to its replica first.",
  faultMs: 12_000,
  recoveryMs: 4_000,
  inflict: async (world) => {
    let longestWaitMs = 0;
    for (const master of await mastersOf(world)) {
      const replica = await world.stack.redis.replicaOf(master);
      await restart(replica, world);
      await inStep(replica);
      await world.pause(KNOWN_AGAIN_MS);
      const [tenant] = await world.tenantsOf(master);
      const [waitedMs] = await Promise.all([writeWaitsMs(world, master, tenant), handOver(replica)]);
      longestWaitMs = Math.max(longestWaitMs, waitedMs);
      await world.pause(KNOWN_AGAIN_MS);
      await restart(master, world);
      await inStep(master);
    }
    world.tell(WRITE_WAIT_MS, longestWaitMs);
    return everyTenant(world);
  },
  expectations: [...EVERY_FAULT, NO_FALLBACK, OTHERS_EXACT, ...COUNTS_KEPT, RATES_HOLD, SHORT_WAIT],
};

async function restart(node: RedisServer, { stack }: World): Promise<void> {
  await node.terminate();
  await node.start();
  await stack.redis.settled();
}

/** The longest that a write to the old master waited, until that one says that the slot is another's. */
async function writeWaitsMs({ pause }: World, master: RedisServer, tenant: string | undefined): Promise<number> {
  if (tenant === undefined)
    throw new Error(`No tenant of the load is at ${master.address}: nothing can be written to it.`);
  const untilMs = performance.now() + HANDED_OVER_MS;
  let [longestMs, writes] = [0, 0];
  for (let isMaster = true; isMaster; writes += 1) {
    const sentAtMs = performance.now();
    if (sentAtMs > untilMs) throw new Error(`${master.address} did not hand over within ${HANDED_OVER_MS} ms.`);
    isMaster = await master.command("PSETEX", `sl:{${tenant}}~handed-over`, 1_000, "").then(
      () => true,
      (fault: Error) => {
        if (fault.message.startsWith("MOVED ")) return false;
        throw fault;
      },
    );
    longestMs = Math.max(longestMs, performance.now() - sentAtMs);
    await pause(1);
  }
  if (writes === 1) throw new Error(`${master.address} had handed over before anything was written to it.`);
  return longestMs;
}
