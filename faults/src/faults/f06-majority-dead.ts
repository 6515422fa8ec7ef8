// F6: two of three masters are killed. Without a majority no replica is promoted, and the third stops taking: the whole
// store is away until somebody acts. Here both are started again.
import { alarmedWithin, SLOTS_WITHOUT_OWNER, strikeAndTellAlarm } from "../lab/alarm.ts";
import { COUNTS_KEPT, EVERY_FAULT } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant, mastersOf, startStopped } from "./parts.ts";

const TOLD_MS = 4_000;

export const majorityDead: Fault = {
  id: "F6",
  name: "two of three masters dead",
  about: "SIGKILL of two masters at once: no majority, no promotion. Both are started again.",
  faultMs: 8_000,
  recoveryMs: 12_000,
  inflict: async (world) => {
    const masters = await mastersOf(world);
    await strikeAndTellAlarm(world, { alarm: SLOTS_WITHOUT_OWNER, withinMs: TOLD_MS }, () =>
      Promise.all(masters.slice(0, 2).map((master) => master.kill())),
    );
    return everyTenant(world);
  },
  mend: startStopped,
  expectations: [
    ...EVERY_FAULT,
    ...COUNTS_KEPT,
    { figure: "returnMs", atMost: 8_000, why: "the masters agree again, a breaker closes, traffic ramps up" },
    alarmedWithin(TOLD_MS, "their slots have no owner"),
  ],
};
