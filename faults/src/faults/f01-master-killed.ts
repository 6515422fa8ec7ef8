// F1: one master is killed. Its replica takes over; until then its tenants are let through by the Fallback.
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, USAGE_EXACT } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { firstMaster, startStopped } from "./parts.ts";

export const masterKilled: Fault = {
  id: "F1",
  name: "master killed",
  about: "SIGKILL of one master; its replica is promoted, the other shards go on counting. It comes back as a replica.",
  faultMs: 9_000,
  recoveryMs: 8_000,
  usage: true,
  inflict: async (world) => {
    const master = await firstMaster(world);
    const struck = await world.tenantsOf(master);
    await master.kill();
    return struck;
  },
  mend: startStopped,
  expectations: [
    ...EVERY_FAULT,
    ...USAGE_EXACT,
    OTHERS_EXACT,
    ...COUNTS_KEPT,
    {
      figure: "recoveryMs",
      atMost: 5_000,
      medianAtMost: 4_000,
      why: "promoted after cluster-node-timeout and an election",
    },
  ],
};
