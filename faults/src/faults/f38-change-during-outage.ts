// F38: PostgreSQL is away while somebody wants to change policies. The old ones are served; the change is made once it is
// back, and is in force everywhere soon after.
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant } from "./parts.ts";

const PLAN = { name: "LATER", limits: { perSecond: 5 } };

export const changeDuringOutage: Fault = {
  id: "F38",
  name: "policy change during an outage",
  about: "SIGKILL of PostgreSQL; a change is tried and fails, PostgreSQL is started again, and the change is made.",
  faultMs: 6_000,
  recoveryMs: 3_000,
  inflict: async (world) => {
    const { postgres } = world.stack;
    await (await postgres.primary()).kill();
    const accepted = await world.stack.put({ plans: [PLAN] }).then(
      () => 1,
      () => 0,
    );
    world.tell("changes accepted without PostgreSQL", accepted);
    return everyTenant(world);
  },
  mend: async (world) => {
    for (const node of world.stack.postgres.nodes) await node.start();
    const version = await world.stack.put({ plans: [PLAN] });
    const putMs = performance.now();
    await world.stack.inForce(version);
    world.tell("inForceMs", performance.now() - putMs);
  },
  expectations: [
    ...EVERY_FAULT,
    NO_FALLBACK,
    ...COUNTS_KEPT,
    RATES_HOLD,
    { figure: "changes accepted without PostgreSQL", atMost: 0, why: "a change is only where it is kept" },
    { figure: "inForceMs", atMost: 5_000, why: "found by comparing, where the notification was lost" },
  ],
};
