// F15: every node forgets its scripts. The first call to each loads them again, once, inside its deadline.
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, OTHERS_EXACT, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant } from "./parts.ts";

export const scriptsFlushed: Fault = {
  id: "F15",
  name: "scripts flushed",
  about: "SCRIPT FLUSH on all six nodes.",
  faultMs: 3_000,
  recoveryMs: 3_000,
  inflict: async (world) => {
    await Promise.all(world.stack.redis.nodes.map((node) => node.command("SCRIPT", "FLUSH")));
    return everyTenant(world);
  },
  expectations: [...EVERY_FAULT, NO_FALLBACK, OTHERS_EXACT, ...COUNTS_KEPT, RATES_HOLD],
};
