// What a take would have said, from a look at its counters: the arithmetic that stores decide with (admission.ts). Pure.
import { counterAdmits, rollCounter, takeCounter, windowsOf } from "../counters/admission.ts";
import type { Claim } from "../counters/claim.ts";
import type { Answered, CounterState, TakenCheck } from "../counters/counters.ts";

/** `looked` is the answer to the same check with cost 0, one state per claim, at the instant of `answered`. */
export function asIfTaken(
  looked: TakenCheck,
  claims: readonly Claim[],
  cost: number,
  answered: Pick<Answered, "nowMs" | "dayLabel" | "monthLabel">,
): TakenCheck {
  if (looked.replayed) return looked;
  const { nowMs, dayLabel, monthLabel } = answered;
  const admitted = claims.every((claim, i) => {
    return counterAdmits(looked.states[i] as CounterState, claim, cost, nowMs, answered);
  });
  if (!admitted || cost === 0) return { ...looked, admitted };
  const states = claims.map((claim, i) => {
    const taken = takeCounter(looked.states[i] as CounterState, windowsOf(claim), cost, nowMs, answered);
    return rollCounter(taken, nowMs, dayLabel, monthLabel);
  });
  return { ...looked, admitted, states };
}
