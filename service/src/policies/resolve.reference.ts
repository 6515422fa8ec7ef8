// The rules of precedence in the plainest words: sort everything that matches, look field by field. What tests compare
// the compiled snapshot with; slow, and sharing no code with it.
import { FIELD_OF_WINDOW, SCOPES, type Scope, WINDOWS, type Window } from "@sluice/contract";
import type { Claim, LimitSource, WindowLimit } from "../counters/claim.ts";
import type { Plan, Policy, Tenant } from "./policy.ts";
import { type Resolution, UNMATCHED_API } from "./snapshot.ts";

export type Rows = Readonly<{ tenants: readonly Tenant[]; plans: readonly Plan[]; policies: readonly Policy[] }>;

export function referenceResolution(
  rows: Rows,
  tenantId: string,
  httpMethod: string,
  segments: readonly string[],
  nowMs: number,
): Resolution {
  const tenant = rows.tenants.find(({ id }) => id === tenantId);
  const planName = tenant?.nextPlan && nowMs >= tenant.nextPlan.atMs ? tenant.nextPlan.plan : tenant?.plan;
  const sorted = rows.policies
    .filter((policy) => policy.enabled && matches(policy, tenantId, planName, httpMethod, segments, nowMs))
    .sort((a, b) => (rankOf(a, httpMethod) < rankOf(b, httpMethod) ? -1 : 1));
  const enforced = sorted.filter(({ enforcement }) => enforcement === "ENFORCE");
  const written: Written[] = enforced.map(writtenIn);
  const plan = rows.plans.find(({ name }) => name === planName);
  if (plan !== undefined) {
    const source: LimitSource = { policyId: `plan:${plan.name}`, target: "PLAN", scope: "TENANT" };
    written.push({ api: null, limits: plan.limits, source });
  }
  const won = SCOPES.flatMap((scope) => WINDOWS.flatMap((window) => winner(written, scope, window)));
  const shadows = SCOPES.flatMap((scope) =>
    sorted.filter((p) => p.enforcement === "SHADOW" && p.scope === scope).slice(0, 1),
  );
  const blocking = won
    .filter(({ limit }) => limit === 0)
    .sort(
      (a, b) => written.indexOf(a.by) - written.indexOf(b.by) || WINDOWS.indexOf(a.window) - WINDOWS.indexOf(b.window),
    );
  const windows = blocking.map(({ window }) => window).filter((window, at, all) => all.indexOf(window) === at);
  const most = blocking[0];
  const first = enforced[0];
  return {
    claims: claimsOf(won, shadows.map(writtenIn)),
    blocked: most === undefined ? null : { window: most.window, source: most.by.source, windows },
    usageApi: first === undefined ? UNMATCHED_API : `${first.httpMethod} ${first.apiPattern}`,
    fallback: enforced.map(({ fallback }) => fallback).find((fallback) => fallback !== null) ?? null,
  };
}

type Written = Readonly<{ api: string | null; limits: Policy["limits"]; source: LimitSource }>;
type Won = Readonly<{ by: Written; window: Window; limit: number }>;

function matches(
  policy: Policy,
  tenantId: string,
  planName: string | undefined,
  httpMethod: string,
  segments: readonly string[],
  nowMs: number,
): boolean {
  const { target, validity } = policy;
  if (target.kind === "TENANT" && target.tenant !== tenantId) return false;
  if (target.kind === "PLAN" && target.plan !== planName) return false;
  if (policy.httpMethod !== "ANY" && policy.httpMethod !== httpMethod) return false;
  if (validity !== null && (nowMs < validity.validFromMs || nowMs >= validity.validUntilMs)) return false;
  const escaped = policy.apiPattern.replace(/\/\*\*$/, "<rest>").replaceAll(/[.$()+|]/g, "\\$&");
  const pattern = escaped.replaceAll("*", "[^/]+").replace("<rest>", "(/[^/]+)*");
  return new RegExp(`^${pattern === "/" ? "" : pattern}$`).test(segments.map((segment) => `/${segment}`).join(""));
}

/** A text that sorts as the policies rank. */
function rankOf(policy: Policy, httpMethod: string): string {
  const pattern = policy.apiPattern
    .split("/")
    .slice(1)
    .map((segment) => (segment === "**" ? "4" : segment === "*" ? "2" : segment === "" ? "" : "1"))
    .join("");
  return [
    ["TENANT", "PLAN", "EVERYONE"].indexOf(policy.target.kind),
    policy.validity === null ? 1 : 0,
    // An ended pattern before one that goes on with `**`, both behind a segment of its own.
    `${pattern}3`,
    policy.httpMethod === httpMethod && httpMethod !== "ANY" ? 0 : 1,
    SCOPES.indexOf(policy.scope),
    String(10 ** 15 - (policy.validity?.validFromMs ?? 0)).padStart(16, "0"),
    policy.id,
  ].join(" ");
}

function writtenIn(policy: Policy): Written {
  const api = policy.scope.endsWith("_API") ? `${policy.httpMethod} ${policy.apiPattern}` : null;
  return {
    api,
    limits: policy.limits,
    source: { policyId: policy.id, target: policy.target.kind, scope: policy.scope },
  };
}

function winner(written: readonly Written[], scope: Scope, window: Window): Won[] {
  const field = FIELD_OF_WINDOW[window];
  const by = written.find(({ source, limits }) => source.scope === scope && (limits[field] ?? null) !== null);
  return by === undefined ? [] : [{ by, window, limit: by.limits[field] ?? 0 }];
}

function claimsOf(won: readonly Won[], shadows: readonly Written[]): Claim[] {
  const observed = shadows.flatMap((by) =>
    WINDOWS.map((window) => ({ by, window, limit: by.limits[FIELD_OF_WINDOW[window]] ?? -1 })),
  );
  const enforcing = won.filter(({ limit }) => limit > 0);
  const observing = observed.filter(({ limit }) => limit >= 0);
  return SCOPES.flatMap((scope) => {
    const inScope = [...enforcing, ...observing].filter(({ by }) => by.source.scope === scope);
    const apis = [...new Set(inScope.map(({ by }) => by.api))].sort();
    return apis.map((api) => {
      const limits = (all: readonly Won[]): WindowLimit[] =>
        all
          .filter(({ by }) => by.source.scope === scope && by.api === api)
          .map(({ by, window, limit }) => ({ window, capacity: limit, source: by.source }));
      return { scope, api, enforced: limits(enforcing), shadow: limits(observing) };
    });
  });
}
