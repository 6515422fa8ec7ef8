// F36: one tenant asks more than all others together. It has one slot of one node; the others must not feel it.
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, RATES_HOLD } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";

const PER_SECOND = 600;

export const hotTenant: Fault = {
  id: "F36",
  name: "hot tenant",
  about: `One tenant at its limit asks ${PER_SECOND} times a second more, to the end.`,
  faultMs: 10_000,
  recoveryMs: 1_000,
  inflict: async (world) => {
    const hot = world.cast.filter(({ kind }) => kind === "second").slice(0, 1);
    const ids = hot.map(({ id }) => id);
    await world.moreLoad(PER_SECOND, ids);
    return ids;
  },
  expectations: [
    ...EVERY_FAULT,
    OTHERS_EXACT,
    ...COUNTS_KEPT,
    RATES_HOLD,
    { figure: "elsewhereP99Ms", atMost: 20, why: "the others do not feel it" },
  ],
};
