// F29: an instance stands still, as for a garbage collection or a starved core. That is its own fault and not the store's:
// no breaker may open, and replies that came meanwhile are used. Whoever it had in hand waits as long as it stood.
import { COUNTS_KEPT, EVERY_KILL, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant } from "./parts.ts";

const STALLS_MS = [200, 1_000, 5_000];
const BETWEEN_MS = 3_000;

export const instanceStalls: Fault = {
  id: "F29",
  name: "instance stalls",
  about: `SIGSTOP of one of three instances for ${STALLS_MS.join(", ")} ms, ${BETWEEN_MS} ms apart.`,
  faultMs: 16_000,
  recoveryMs: 5_000,
  inflict: async (world) => {
    const [instance] = world.stack.instances;
    for (const stallMs of STALLS_MS) {
      instance?.freeze();
      await world.pause(stallMs);
      instance?.thaw();
      await world.pause(BETWEEN_MS);
    }
    return everyTenant(world);
  },
  expectations: [
    ...EVERY_KILL.filter(({ figure }) => figure !== "faultP99Ms" && figure !== "clearP99Ms"),
    ...COUNTS_KEPT,
    RATES_HOLD,
    { figure: "fallbackStruck", atMost: 0, why: "a stall of our own opens no breaker" },
    { figure: "p99Ms", atMost: 5_500, why: "nobody waits longer than it stood" },
  ],
};
