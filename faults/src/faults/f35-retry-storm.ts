// F35: callers ask five times as much as before, as they do when all of them retry. Nobody gets an error.
import { COUNTS_KEPT, EVERY_FAULT, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { everyTenant } from "./parts.ts";

const PER_SECOND = 200;
const TIMES = 5;

export const retryStorm: Fault = {
  id: "F35",
  name: "retry storm",
  about: `A second load, so that callers ask ${TIMES} times as much as before, to the end.`,
  perSecond: PER_SECOND,
  faultMs: 10_000,
  recoveryMs: 1_000,
  inflict: async (world) => {
    await world.moreLoad(PER_SECOND * (TIMES - 1), everyTenant(world));
    return everyTenant(world);
  },
  expectations: [...EVERY_FAULT, ...COUNTS_KEPT, RATES_HOLD],
};
