// Whether other policies go before one in everything it sets, for every call it matches and as long as it lasts: then it
// is without effect.
//
// Two ways are looked for. A policy of the same target overrules it: as a pattern that matches as much is never the more
// specific one, that can only be an override over an override. Or it is for everyone, and each plan has a policy that
// covers it: every tenant is on a plan, and the target goes before the pattern.
// A SHADOW policy competes as a whole, because only the most specific one of a scope is evaluated.
import type { LimitField } from "@sluice/contract";
import type { Policy, Target } from "./policy.ts";
import { fieldsSetIn } from "./policy-lint-limits.ts";
import type { SetIndex } from "./policy-lint-set.ts";
import { comparePrecedence } from "./precedence.ts";

type Written = Omit<Policy, "id">;
/** What a policy may decide for a call; SHADOW policies are taken or left whole. */
type Part = LimitField | "fallback" | "all of it";

/** One sentence when it is without effect, naming who is in the way; else nothing. */
export function findOverruling(written: Written, index: SetIndex, nowMs: number): string[] {
  const { validity } = written;
  if (!written.enabled || (validity !== null && validity.validUntilMs <= nowMs)) return [];
  const parts = partsOf(written);
  if (parts.length === 0) return [];
  const found: string[] = [];
  for (const part of parts) {
    const overruling = overrulersOf(written, part, index, nowMs);
    if (overruling.length === 0) return [];
    found.push(`${part === "all of it" ? "evaluated instead:" : `${part} is set by`} ${listed(overruling)}`);
  }
  return [found.join("; ")];
}

function partsOf({ enforcement, limits, fallback }: Written): Part[] {
  if (enforcement === "SHADOW") return ["all of it"];
  return [...fieldsSetIn(limits), ...(fallback === null ? [] : (["fallback"] as const))];
}

/** Names of policies which together go before `written` in this part; none when some call is left to it. */
function overrulersOf(written: Written, part: Part, index: SetIndex, nowMs: number): string[] {
  const { enforcement, scope, target, apiPattern } = written;
  const overrulerIn = (ofTarget: Target) =>
    index
      .covering(enforcement, scope, ofTarget, apiPattern)
      .find((other) => sets(other, part) && overrules(other, written, nowMs));
  const own = overrulerIn(target);
  if (own !== undefined) return [own.name];
  if (target.kind !== "EVERYONE") return [];
  const ofPlans: string[] = [];
  for (const plan of index.plans.keys()) {
    const ofPlan = overrulerIn({ kind: "PLAN", plan });
    if (ofPlan === undefined) return [];
    ofPlans.push(ofPlan.name);
  }
  return ofPlans;
}

function sets(policy: Written, part: Part): boolean {
  if (part === "all of it") return true;
  return part === "fallback" ? policy.fallback !== null : (policy.limits[part] ?? null) !== null;
}

/** Both are enabled, of one scope and enforcement, and the other matches every path that this one does. */
function overrules(other: Written, written: Written, nowMs: number): boolean {
  if (other.name === written.name) return false;
  const coversMethod = other.httpMethod === "ANY" || other.httpMethod === written.httpMethod;
  return coversMethod && outlasts(other, written, nowMs) && comparePrecedence(other, written).order < 0;
}

/** Valid from now on whenever the other is. */
function outlasts({ validity }: Written, shorter: Written, nowMs: number): boolean {
  if (validity === null) return true;
  if (shorter.validity === null) return false;
  const begins = Math.max(nowMs, shorter.validity.validFromMs);
  return validity.validFromMs <= begins && validity.validUntilMs >= shorter.validity.validUntilMs;
}

const MAX_NAMED = 3;

function listed(names: readonly string[]): string {
  const rest = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
