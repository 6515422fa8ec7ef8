// The port to raises: quotas that the store lost are brought back by raising counters to what is known to have been used.
//
// Contract, shown by raise.conformance.ts on every store:
// - A raise only grows: `base = max(base, atLeast)`, and once more where `base + since` is below `usedAtLeast`. So it may run
//   again, late, twice and by anyone, in any order, with sums that were not complete: the greatest has the last word.
// - It happens under the generation it names or not at all. `atLeast` is the sum of what was used under all others, so it
//   would count twice what the store itself counts under them.
// - A label greater than those of the counter opens its period, one of the two that it keeps raises that period, and one
//   between them takes the place of the lesser: the two greatest are kept, in whatever order they come. An older one is ignored.
// - What is not known (a counter, a period) is made. Usage is not touched.
//
// Why two sums: `atLeast` is exact from the first moment of a generation, whatever of the present one is not written down
// yet. `usedAtLeast`, the sum over all generations, finds a counter that was lost alone, and what a late row brings after a cut
// of which a former release did not write down what came off `since` (adjust.ts). Both never exceed what was used.
// Not here: where the sums come from (usage/).
import type { Scope } from "@sluice/contract";
import type { Periods } from "../limits/quota-period.ts";
import type { QuotaWindow } from "./adjust.ts";
import type { UnavailableCause } from "./counters.ts";

/** Most counters of one order. */
export const MAX_RAISED_COUNTERS = 64;

export type RaisedCounter = Readonly<{
  scope: Scope;
  /** `METHOD pattern` as written in the policy; null when the API is not in the scope. */
  api: string | null;
  /** The user id, ANONYMOUS_USER or OVERFLOW_USER; null when the user is not in the scope. */
  user: string | null;
  window: QuotaWindow;
  /** 20261122 or 202611, in the tenant's zone. */
  label: number;
  /** What was used in other generations than the order's. Whole; nothing happens at 0 or below. */
  atLeast: number;
  /** What was used in all; absent = as good as 0. */
  usedAtLeast?: number;
}>;

export type RaiseOrder = Readonly<{
  tenant: string;
  /** The tenant's present one, as far as the caller knows; 0 asks for it, for no tenant has it. */
  generation: number;
  /** Around the present instant: they say how long the counters are kept. */
  periods: Periods;
  counters: readonly RaisedCounter[];
}>;

export type Raised =
  /** `raised`: how many of the order's counters were below. */
  | Readonly<{ kind: "raised"; raised: number }>
  /** Nothing happened. `generation` is the present one; 0 = the store knows nothing of the tenant. */
  | Readonly<{ kind: "other_generation"; generation: number }>
  /** It is not known whether it happened: send it again. */
  | Readonly<{ kind: "unavailable"; cause: UnavailableCause }>;
