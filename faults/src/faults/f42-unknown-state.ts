// F42: the store holds something under a tenant's key that no release wrote. The script takes nothing and says so; the
// tenant gets the Fallback until the key is put right, and nobody else notices.
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, SOON_EXACT } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";

/** A format byte that is none, and too short for any state. */
const NO_STATE = "\u007f~";

export const unknownState: Fault = {
  id: "F42",
  name: "unknown state in the store",
  about: "The key of one tenant is overwritten with bytes of no known format, and later removed.",
  faultMs: 6_000,
  recoveryMs: 8_000,
  inflict: async (world) => {
    const [hit] = world.cast.filter(({ kind }) => kind === "roomy");
    if (hit === undefined) throw new Error("The load has no roomy tenant: put one into the cast.");
    await (await world.stack.redis.masterOf(hit.id)).command("SET", keyOf(hit.id), NO_STATE, "EX", 60);
    return [hit.id];
  },
  mend: async (world) => {
    const [hit] = world.cast.filter(({ kind }) => kind === "roomy");
    if (hit !== undefined) await (await world.stack.redis.masterOf(hit.id)).command("DEL", keyOf(hit.id));
  },
  expectations: [
    ...EVERY_FAULT,
    OTHERS_EXACT,
    ...COUNTS_KEPT,
    SOON_EXACT,
    { figure: "fallbackStruck", atLeast: 1, why: "what cannot be read is not counted on" },
  ],
};

/** As counters/keys.ts of the service names it. */
function keyOf(tenant: string): string {
  return `sl:{${tenant}}`;
}
