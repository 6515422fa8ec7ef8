// F5: a master and its replica are killed together, and started again from their append-only files.
import { alarmedWithin, SLOTS_WITHOUT_OWNER, strikeAndTellAlarm } from "../lab/alarm.ts";
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, USAGE_EXACT } from "../lab/expectations.ts";
import type { Expectation, Fault } from "../lab/fault.ts";
import { firstMaster, startStopped } from "./parts.ts";

/** A master of a cluster refuses for the first 2 s after its start, so that it does not write what is another's by now. */
const SOON_AFTER_START: Expectation = {
  figure: "returnMs",
  atMost: 4_000,
  why: "the master lets clients in, a breaker closes, traffic ramps up",
};

const TOLD_MS = 4_000;

export const shardDead: Fault = {
  id: "F5",
  name: "shard dead",
  about:
    "SIGKILL of one master and its replica; the other shards go on counting. Both start from their append-only files.",
  faultMs: 8_000,
  recoveryMs: 10_000,
  usage: true,
  inflict: async (world) => {
    const master = await firstMaster(world);
    const struck = await world.tenantsOf(master);
    const replica = await world.stack.redis.replicaOf(master);
    await strikeAndTellAlarm(world, { alarm: SLOTS_WITHOUT_OWNER, withinMs: TOLD_MS }, () =>
      Promise.all([master.kill(), replica.kill()]),
    );
    return struck;
  },
  mend: startStopped,
  expectations: [
    ...EVERY_FAULT,
    ...USAGE_EXACT,
    OTHERS_EXACT,
    ...COUNTS_KEPT,
    SOON_AFTER_START,
    alarmedWithin(TOLD_MS, "its slots have no owner"),
  ],
};
