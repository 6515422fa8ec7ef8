// The story of one explanation: the policies in memory say who competes, a look of cost 0 what the counters hold, and the
// check's own code what it would answer. Nothing is taken, booked or remembered.
//
// Promises: the decision is the one that a check of the same call would get at this instant, shown against real checks.
// Counters that are away make the values null and the decision what can be said without them; the Fallback is not asked,
// for it books what it answers.
// Not here: which policy wins and why (contest.ts), or who may ask (the door).
import type { Decision } from "@sluice/contract";
import { type Asked, ask, type Counted, type PolicyView } from "../check/asked.ts";
import { decisionOf, type QuotaStatus } from "../check/decision.ts";
import type { CheckInput } from "../check/input.ts";
import { takeOf } from "../check/take.ts";
import { tooCostlyAnswer, uncountedAnswer } from "../check/uncounted.ts";
import type { Counters, Taken } from "../counters/counters.ts";
import type { Calendar } from "../limits/calendar.ts";
import type { CompiledSnapshot } from "../policies/snapshot-compiled.ts";
import { asIfTaken } from "./as-if-taken.ts";
import { contest } from "./contest.ts";
import { countersOf } from "./counter-values.ts";
import type { Explanation } from "./explanation.ts";

/** The policies in memory with their rows, which a check has no need of. */
export interface PolicyRowsView extends PolicyView {
  snapshot(): CompiledSnapshot | null;
}

export type ExplainParts = Readonly<{
  policies: PolicyRowsView;
  counters: Counters;
  calendar: Calendar;
  quotaStatus: QuotaStatus;
  maxUsersPerDay: number;
}>;

export type Explain = (input: CheckInput, traceId: string) => Promise<Explanation>;

export function createExplain(parts: ExplainParts): Explain {
  const { policies, calendar, counters } = parts;
  return async (input, traceId) => {
    const snapshot = policies.snapshot();
    const asked = ask(policies, calendar, input, traceId, counters.nowMs());
    const call = snapshot === null ? null : asCounted(snapshot, asked);
    if (snapshot === null || call === null) return nothingKnown(asked);
    const { id, plan, status, timeZone } = call.tenant;
    const looked = await look(parts, call);
    return {
      policyVersion: asked.policyVersion,
      tenant: { id, plan, status, timeZone },
      ...contest(snapshot, call.tenant, input, asked.nowMs),
      counters: countersOf(call, looked),
      decision: decided(parts, asked, looked),
      unavailable: looked.kind === "unavailable" ? looked.cause : null,
    };
  };
}

/** As if the call were counted, so that limits and counters are shown of a suspended tenant and a blocked call, too. */
function asCounted(snapshot: CompiledSnapshot, asked: Asked): Counted | null {
  if (asked.kind === "not_found" || asked.kind === "policy_unknown") return null;
  if (asked.kind !== "suspended") return { ...asked, kind: "counted" };
  const { httpMethod, segments } = asked.input;
  const resolution = snapshot.resolve(asked.tenant, httpMethod, segments, asked.nowMs);
  return { ...asked, kind: "counted", resolution };
}

async function look({ counters, maxUsersPerDay }: ExplainParts, call: Counted): Promise<Taken> {
  const looked = await counters.take(takeOf([{ ...call, input: { ...call.input, cost: 0 } }], maxUsersPerDay));
  // A look takes nothing, so nothing can have been counted.
  if (looked.kind === "unavailable") looked.settle([false], () => undefined);
  return looked;
}

function decided({ quotaStatus }: ExplainParts, asked: Asked, looked: Taken): Decision | null {
  if (asked.kind === "policy_unknown") return null;
  if (asked.kind !== "counted") return uncountedAnswer(asked).decision;
  if (looked.kind === "unavailable") return tooCostlyAnswer(asked, quotaStatus)?.decision ?? null;
  const [check] = looked.checks;
  if (check === undefined) return null;
  const taken = asIfTaken(check, asked.resolution.claims, asked.input.cost, looked);
  return decisionOf(asked, taken, looked, quotaStatus)?.decision ?? null;
}

function nothingKnown(asked: Asked): Explanation {
  const isUnknown = asked.kind !== "not_found";
  return {
    policyVersion: asked.policyVersion,
    tenant: null,
    fields: [],
    shadow: [],
    unmatched: [],
    unmatchedMore: 0,
    counters: [],
    decision: isUnknown ? null : uncountedAnswer(asked).decision,
    unavailable: isUnknown ? "policy_unknown" : null,
  };
}
