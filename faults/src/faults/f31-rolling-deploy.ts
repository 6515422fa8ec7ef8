// F31: all instances are replaced one after another, as a deployment does. Nobody sees anything of it.
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant } from "./parts.ts";

/** Unready first, then serving until the balancer has seen it. */
const DRAIN_MS = 2_000;
const BETWEEN_MS = 1_500;

export const rollingDeploy: Fault = {
  id: "F31",
  name: "rolling deployment",
  about: "SIGTERM of each instance in turn, and a new one in its place before the next.",
  stack: { environment: { SLUICE_DRAIN_DELAY_MS: String(DRAIN_MS) } },
  faultMs: 20_000,
  recoveryMs: 4_000,
  inflict: async (world) => {
    for (const instance of world.stack.instances) {
      await instance.terminate();
      await instance.start();
      await world.pause(BETWEEN_MS);
    }
    return everyTenant(world);
  },
  expectations: [...EVERY_FAULT, NO_FALLBACK, ...COUNTS_KEPT, RATES_HOLD],
};
