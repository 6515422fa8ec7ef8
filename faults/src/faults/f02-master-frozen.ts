// F2: one master is frozen, so that it accepts connections and answers nothing. For two seconds it comes back as a master,
// for longer its replica takes over and it comes back as a replica: nothing may be counted twice then.
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { firstMaster } from "./parts.ts";

export const masterFrozenTwoSeconds = masterFrozen("F2a", 2);
export const masterFrozenTenSeconds = masterFrozen("F2b", 10);
export const masterFrozenMinute = masterFrozen("F2c", 60);

function masterFrozen(id: Fault["id"], seconds: number): Fault {
  return {
    id,
    name: `master frozen for ${seconds} s`,
    about: `SIGSTOP of one master for ${seconds} s, then SIGCONT; its tenants get the Fallback at the deadline.`,
    faultMs: seconds * 1_000,
    recoveryMs: 8_000,
    inflict: async (world) => {
      const master = await firstMaster(world);
      const struck = await world.tenantsOf(master);
      master.freeze();
      return struck;
    },
    mend: async ({ stack }) => {
      for (const node of stack.redis.nodes) node.thaw();
    },
    expectations: [
      ...EVERY_FAULT,
      OTHERS_EXACT,
      ...COUNTS_KEPT,
      { figure: "recoveryMs", atMost: 6_000, why: "promoted, or back before that" },
    ],
  };
}
