// F31: all instances are replaced one after another, as a deployment does. Nobody sees anything of it.
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { DRAINED, deployAnew, everyTenant } from "./parts.ts";

export const rollingDeploy: Fault = {
  id: "F31",
  name: "rolling deployment",
  about: "SIGTERM of each instance in turn, and a new one in its place before the next.",
  stack: { environment: DRAINED },
  faultMs: 20_000,
  recoveryMs: 4_000,
  inflict: async (world) => {
    await deployAnew(world);
    return everyTenant(world);
  },
  expectations: [...EVERY_FAULT, NO_FALLBACK, ...COUNTS_KEPT, RATES_HOLD],
};
