// `shadow` of an answer: the SHADOW limits that would have refused the check, in the shape of `deniedBy`. Pure.
// They are judged by what stood before the check. An admitted check's cost is already in the states and is taken out
// again; a refused one's is not there; a replayed check takes nothing and is judged as a cost of 0.
// A SHADOW limit of 0 would have blocked every check, looks included.
import { BLOCKED, type DeniedBy } from "@sluice/contract";
import { type PeriodLabels, windowUsed } from "../counters/admission.ts";
import type { Claim } from "../counters/claim.ts";
import type { CounterState, TakenCheck } from "../counters/counters.ts";
import { deniedByOf } from "./denied-by.ts";

/** Appends to `named` what of `claim` would have refused. `state` is the counter after the check. */
export function appendShadow(
  named: DeniedBy[],
  claim: Claim,
  state: CounterState,
  taken: TakenCheck,
  cost: number,
  nowMs: number,
  labels: PeriodLabels,
): void {
  const asked = taken.replayed ? 0 : cost;
  const inState = taken.admitted ? asked : 0;
  for (const limit of claim.shadow) {
    const used = windowUsed(state, limit.window, nowMs, labels) - inState;
    if (limit.capacity === BLOCKED || used + asked > limit.capacity) named.push(deniedByOf(limit, Math.max(0, used)));
  }
}
