// From the policies that match a call to what the call must obey: the rules of precedence, and nothing about matching.
//
// Per scope and field the first ENFORCE policy that sets the field gives the limit (-1 gives none, and ends the search);
// a Plan's own limits come last in scope TENANT. Then limits are gathered by the counter of the policy they are
// written in, so a stricter rule that sets one field leaves the other fields where they are counted.
// SHADOW policies stand apart: per scope only the first one, with all its fields, 0 included. They move nothing else:
// neither the name usage is booked under nor the fallback.
// Not here: which policies match, and their order (resolve-ruleset.ts).
import {
  BLOCKED,
  type FallbackMode,
  FIELD_OF_WINDOW,
  type Limits,
  SCOPES,
  type Scope,
  UNLIMITED,
  WINDOWS,
  type Window,
} from "@sluice/contract";
import type { Claim, LimitSource, WindowLimit } from "../counters/claim.ts";
import type { Plan, Policy } from "./policy.ts";
import { type Resolution, UNMATCHED_API } from "./snapshot.ts";

/** `ranked`: the enabled, valid policies that match, most specific first. `plan`: of the tenant, for its own limits. */
export function resolveRanked(ranked: readonly Policy[], plan: Plan | null): Resolution {
  const enforced = ranked.filter((policy) => policy.enforcement === "ENFORCE");
  const shadows = ranked.filter((policy) => policy.enforcement === "SHADOW");
  const written = enforced.map(writtenIn);
  if (plan !== null) written.push(writtenInPlan(plan));
  const claims = new ClaimsByCounter();
  const blocking: Winner[] = [];
  for (const winner of winners(written)) {
    const { by, window, limit } = winner;
    if (limit === BLOCKED) blocking.push(winner);
    else if (limit !== UNLIMITED) claims.of(by).enforced.push({ window, capacity: limit, source: by.source });
  }
  for (const by of firstOfEachScope(shadows).map(writtenIn)) {
    for (const [window, limit] of limitsSetIn(by.limits)) {
      if (limit !== UNLIMITED) claims.of(by).shadow.push({ window, capacity: limit, source: by.source });
    }
  }
  return {
    claims: claims.inOrder(),
    blocked: blockedBy(blocking),
    usageApi: usageApiOf(enforced),
    fallback: fallbackOf(enforced),
  };
}

/** `METHOD pattern` as written: names the counter of the scopes that have the API in them, and usage. */
export function apiOf(policy: Policy): string {
  return `${policy.httpMethod} ${policy.apiPattern}`;
}

/** Where limits are written: what names their counter and their source. */
type Written = Readonly<{ api: string | null; limits: Limits; source: LimitSource }>;
type Winner = Readonly<{ by: Written; window: Window; limit: number }>;

function writtenIn(policy: Policy): Written {
  const hasApi = policy.scope === "TENANT_API" || policy.scope === "TENANT_USER_API";
  return {
    api: hasApi ? apiOf(policy) : null,
    limits: policy.limits,
    source: { policyId: policy.id, target: policy.target.kind, scope: policy.scope },
  };
}

function writtenInPlan(plan: Plan): Written {
  return { api: null, limits: plan.limits, source: { policyId: `plan:${plan.name}`, target: "PLAN", scope: "TENANT" } };
}

/** The first to set each scope's window, most specific first. */
function winners(written: readonly Written[]): Winner[] {
  const decided = new Set<string>();
  const found: Winner[] = [];
  for (const by of written) {
    for (const [window, limit] of limitsSetIn(by.limits)) {
      const key = `${by.source.scope} ${window}`;
      if (decided.has(key)) continue;
      decided.add(key);
      found.push({ by, window, limit });
    }
  }
  return found;
}

function blockedBy(blocking: readonly Winner[]): Resolution["blocked"] {
  const [first] = blocking;
  if (first === undefined) return null;
  const windows = [...new Set(blocking.map(({ window }) => window))];
  return { window: first.window, source: first.by.source, windows };
}

function limitsSetIn(limits: Limits): [Window, number][] {
  const found: [Window, number][] = [];
  for (const window of WINDOWS) {
    const limit = limits[FIELD_OF_WINDOW[window]] ?? null;
    if (limit !== null) found.push([window, limit]);
  }
  return found;
}

function firstOfEachScope(policies: readonly Policy[]): Policy[] {
  const first = new Map<Scope, Policy>();
  for (const policy of policies) if (!first.has(policy.scope)) first.set(policy.scope, policy);
  return [...first.values()];
}

function usageApiOf(enforced: readonly Policy[]): string {
  const [first] = enforced;
  return first === undefined ? UNMATCHED_API : apiOf(first);
}

function fallbackOf(enforced: readonly Policy[]): FallbackMode | null {
  return enforced.find((policy) => policy.fallback !== null)?.fallback ?? null;
}

type OpenClaim = { scope: Scope; api: string | null; enforced: WindowLimit[]; shadow: WindowLimit[] };

/** One claim per counter: scope and, where the scope has it, the API. */
class ClaimsByCounter {
  readonly #claims = new Map<string, OpenClaim>();

  of(written: Written): OpenClaim {
    const { scope } = written.source;
    const counter = `${scope} ${written.api ?? ""}`;
    const known = this.#claims.get(counter);
    if (known !== undefined) return known;
    const claim: OpenClaim = { scope, api: written.api, enforced: [], shadow: [] };
    this.#claims.set(counter, claim);
    return claim;
  }

  /** By scope (TENANT first), then by API; limits by window. */
  inOrder(): readonly Claim[] {
    const claims = [...this.#claims.values()];
    for (const claim of claims) claim.enforced.sort((a, b) => WINDOWS.indexOf(a.window) - WINDOWS.indexOf(b.window));
    return claims.sort((a, b) => SCOPES.indexOf(a.scope) - SCOPES.indexOf(b.scope) || compareText(a.api, b.api));
  }
}

/** By UTF-16 code unit, never by locale: the same order on every machine. */
function compareText(a: string | null, b: string | null): number {
  const [left, right] = [a ?? "", b ?? ""];
  return left < right ? -1 : left > right ? 1 : 0;
}
