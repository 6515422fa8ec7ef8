// F7: all six nodes are killed and started from their append-only files.
import { COUNTS_KEPT, EVERY_FAULT, USAGE_EXACT } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant, startStopped } from "./parts.ts";

export const allRedisDead: Fault = {
  id: "F7",
  name: "all of Redis dead",
  about: "SIGKILL of all six nodes, then all are started from their append-only files.",
  faultMs: 6_000,
  recoveryMs: 12_000,
  usage: true,
  inflict: async (world) => {
    await Promise.all(world.stack.redis.nodes.map((node) => node.kill()));
    return everyTenant(world);
  },
  mend: startStopped,
  expectations: [
    ...EVERY_FAULT,
    ...USAGE_EXACT,
    ...COUNTS_KEPT,
    { figure: "returnMs", atMost: 8_000, why: "loaded, agreed, a breaker closes, traffic ramps up" },
  ],
};
