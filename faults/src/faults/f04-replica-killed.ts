// F4: a replica is killed. No caller sees anything of it; operators hear that its master has nobody to take over.
import { alarmedWithin, NOBODY_TO_TAKE_OVER, strikeAndTellAlarm } from "../lab/alarm.ts";
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, OTHERS_EXACT, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { firstMaster, startStopped } from "./parts.ts";

const TOLD_MS = 4_000;

export const replicaKilled: Fault = {
  id: "F4",
  name: "replica killed",
  about: "SIGKILL of one replica, which is started again later and copies everything from its master.",
  faultMs: 6_000,
  recoveryMs: 6_000,
  inflict: async (world) => {
    const master = await firstMaster(world);
    const struck = await world.tenantsOf(master);
    const replica = await world.stack.redis.replicaOf(master);
    await strikeAndTellAlarm(world, { alarm: NOBODY_TO_TAKE_OVER, withinMs: TOLD_MS }, replica.kill);
    return struck;
  },
  mend: startStopped,
  expectations: [
    ...EVERY_FAULT,
    NO_FALLBACK,
    OTHERS_EXACT,
    ...COUNTS_KEPT,
    RATES_HOLD,
    alarmedWithin(TOLD_MS, "its master has nobody to take over"),
  ],
};
