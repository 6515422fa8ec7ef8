// F28: an instance is killed in the middle of requests. What carries a requestId is asked again elsewhere and counted once.
import { COUNTS_KEPT, EVERY_KILL, KILLED_FALLBACK, RATES_HOLD, USAGE_EXACT } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant } from "./parts.ts";

/** What one of three instances has in hand at a moment, ten times over. */
const MOST_UNANSWERED = 10;

export const instanceKilled: Fault = {
  id: "F28",
  name: "instance killed",
  about: "SIGKILL of one of three instances under load, behind the balancer; it is started again later.",
  faultMs: 6_000,
  recoveryMs: 8_000,
  usage: true,
  inflict: async (world) => {
    const [instance] = world.stack.instances;
    if (instance !== undefined) await world.killInstance(instance);
    return everyTenant(world);
  },
  mend: async ({ stack }) => {
    await stack.instances[0]?.start();
  },
  expectations: [
    ...EVERY_KILL,
    ...COUNTS_KEPT,
    RATES_HOLD,
    ...USAGE_EXACT,
    KILLED_FALLBACK,
    { figure: "unanswered", atMost: MOST_UNANSWERED, why: "only what it had in hand, and nobody may ask again" },
  ],
};
