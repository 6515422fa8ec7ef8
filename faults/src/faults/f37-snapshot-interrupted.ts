// F37: the instances that write usage to PostgreSQL are killed in the middle of it, one after another. What they had written
// is not written twice, and what they had not is written by others.
import { COUNTS_KEPT, EVERY_KILL, KILLED_FALLBACK, RATES_HOLD, USAGE_EXACT } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant } from "./parts.ts";

const SNAPSHOT_INTERVAL_MS = 500;
/** No multiple of the interval, so that each is hit at another moment of it. */
const BETWEEN_MS = 1_870;
const MOST_UNANSWERED = 40;

export const snapshotInterrupted: Fault = {
  id: "F37",
  name: "usage snapshot interrupted",
  about: `SIGKILL of each instance in turn while usage is written every ${SNAPSHOT_INTERVAL_MS} ms; each is started again.`,
  stack: { environment: { SLUICE_SNAPSHOT_INTERVAL_MS: String(SNAPSHOT_INTERVAL_MS) } },
  faultMs: 15_000,
  recoveryMs: 4_000,
  usage: true,
  inflict: async (world) => {
    for (const instance of world.stack.instances) {
      await world.killInstance(instance);
      await instance.start();
      await world.pause(BETWEEN_MS);
    }
    return everyTenant(world);
  },
  expectations: [
    ...EVERY_KILL,
    ...COUNTS_KEPT,
    RATES_HOLD,
    ...USAGE_EXACT,
    KILLED_FALLBACK,
    { figure: "unanswered", atMost: MOST_UNANSWERED, why: "only what each had in hand, and nobody may ask again" },
  ],
};
