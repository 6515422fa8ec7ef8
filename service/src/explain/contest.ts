// Who decides each field of each scope for a call, and why everyone else does not. Pure.
//
// What checks obey is resolved elsewhere and fast (policies/resolve.ts); this tells the same story slowly, with the losers,
// and the tests hold the two together. Looked at are the policies of the tenant, of its plan and of everyone; policies of
// others have no part in it. Those that match are weighed per field, those that do not are listed once.
import { FIELD_OF_WINDOW, type Limits, SCOPES, type Scope, UNLIMITED, WINDOWS, type Window } from "@sluice/contract";
import type { CheckInput } from "../check/input.ts";
import type { Plan, Policy } from "../policies/policy.ts";
import { comparePrecedence } from "../policies/precedence.ts";
import type { TenantView } from "../policies/snapshot.ts";
import type { CompiledSnapshot } from "../policies/snapshot-compiled.ts";
import type { Contender, Explanation, FieldExplanation, Loser, ShadowExplanation } from "./explanation.ts";
import { absenceOf, type Loss, lossAgainst, mismatchOf } from "./losses.ts";

/** Policies that do not match are shown up to here; there may be thousands. */
export const MAX_UNMATCHED = 100;

type Contest = Pick<Explanation, "fields" | "shadow" | "unmatched" | "unmatchedMore">;

export function contest(snapshot: CompiledSnapshot, tenant: TenantView, input: CheckInput, nowMs: number): Contest {
  const { ofTenants, ofPlans, ofEveryone, plans } = snapshot.parts;
  const rulesets = [ofTenants.get(tenant.index), ofPlans.get(tenant.plan), ofEveryone];
  const matching: Policy[] = [];
  const unmatched: Contest["unmatched"][number][] = [];
  let unmatchedMore = 0;
  for (const policy of rulesets.flatMap((ruleset) => ruleset?.policies ?? [])) {
    const why = mismatchOf(policy, input);
    if (why === null) matching.push(policy);
    else if (unmatched.length >= MAX_UNMATCHED) unmatchedMore += 1;
    else unmatched.push({ ...contenderOf(policy), scope: policy.scope, why });
  }
  matching.sort((a, b) => comparePrecedence(a, b).order || (a.id < b.id ? -1 : 1));
  const plan = plans.get(tenant.plan) ?? null;
  return {
    fields: SCOPES.flatMap((scope) => {
      const inScope = matching.filter((policy) => policy.scope === scope);
      return WINDOWS.flatMap((window) => fieldOf(inScope, scope === "TENANT" ? plan : null, scope, window, nowMs));
    }),
    shadow: SCOPES.flatMap((scope) => shadowOf(matching, scope, nowMs)),
    unmatched,
    unmatchedMore,
  };
}

/** `inScope`: most specific first. Nothing when nobody there sets the field. */
function fieldOf(
  inScope: readonly Policy[],
  plan: Plan | null,
  scope: Scope,
  window: Window,
  nowMs: number,
): FieldExplanation[] {
  const ofPlan = plan === null ? null : limitIn(plan.limits, window);
  if (ofPlan === null && inScope.every(({ limits }) => limitIn(limits, window) === null)) return [];
  const absences = new Map(inScope.map((policy) => [policy, absenceFrom(policy, window, nowMs)]));
  const winner = inScope.find((policy) => absences.get(policy) === null) ?? null;
  const losers = inScope.flatMap((policy): Loser[] => {
    if (policy === winner) return [];
    const loss = absences.get(policy) ?? lossAgainst(winner as Policy, policy);
    return [{ ...contenderOf(policy), limit: limitIn(policy.limits, window), ...loss }];
  });
  if (plan === null || ofPlan === null) return [{ scope, window, winner: winning(winner, window), losers }];
  const asContender = planContender(plan);
  if (winner === null) return [{ scope, window, winner: { ...asContender, limit: ofPlan }, losers }];
  losers.push({ ...asContender, limit: ofPlan, why: "PLAN_COMES_LAST", segment: null });
  return [{ scope, window, winner: winning(winner, window), losers }];
}

function absenceFrom(policy: Policy, window: Window, nowMs: number): Loss | null {
  const absence = absenceOf(policy, nowMs);
  if (absence !== null) return absence;
  if (policy.enforcement === "SHADOW") return { why: "SHADOW", segment: null };
  return limitIn(policy.limits, window) === null ? { why: "FIELD_NOT_SET", segment: null } : null;
}

function winning(policy: Policy | null, window: Window): FieldExplanation["winner"] {
  const limit = policy === null ? null : limitIn(policy.limits, window);
  return policy === null || limit === null ? null : { ...contenderOf(policy), limit };
}

function shadowOf(matching: readonly Policy[], scope: Scope, nowMs: number): ShadowExplanation[] {
  const shadows = matching.filter((policy) => policy.scope === scope && policy.enforcement === "SHADOW");
  const first = shadows.find((policy) => absenceOf(policy, nowMs) === null);
  if (first === undefined) return [];
  const limits = WINDOWS.flatMap((window) => {
    const limit = limitIn(first.limits, window);
    return limit === null || limit === UNLIMITED ? [] : [{ window, limit }];
  });
  const losers = shadows.filter((policy) => policy !== first);
  return [
    {
      scope,
      watching: { ...contenderOf(first), limits },
      losers: losers.map((policy) => {
        return { ...contenderOf(policy), ...(absenceOf(policy, nowMs) ?? lossAgainst(first, policy)) };
      }),
    },
  ];
}

function limitIn(limits: Limits, window: Window): number | null {
  return limits[FIELD_OF_WINDOW[window]] ?? null;
}

function contenderOf({ id, name, target, httpMethod, apiPattern }: Policy): Contender {
  return { policyId: id, name, target, httpMethod, apiPattern };
}

function planContender({ name }: Plan): Contender {
  return { policyId: `plan:${name}`, name, target: { kind: "PLAN", plan: name }, httpMethod: null, apiPattern: null };
}
