// Which counters a request takes from, by the policies of the load: the checker's own reading of the product's rules,
// which shares no code with the service's. Pure.
//
// The load's policies are simple on purpose: each is for one tenant and any method, and no two of a scope match the same
// path. Whatever is not so is refused here, for a checker that guesses proves nothing.
import { FIELD_OF_WINDOW, type Scope, WINDOWS, type Window } from "@sluice/contract";
import type { PolicyEntry, PolicySet } from "@sluice/service/policies/policy-set.ts";
import type { Entry } from "../journal/entry.ts";

export type CounterLimit = Readonly<{ window: Window; capacity: number }>;
export type Counter = Readonly<{
  /** Equal for all requests that share it. */
  name: string;
  tenant: string;
  scope: Scope;
  /** Of its quotas. */
  zone: string;
  limits: readonly CounterLimit[];
}>;

export type CounterFinder = (entry: Pick<Entry, "tenant" | "user" | "path">) => readonly Counter[];

export function createCounterFinder(set: PolicySet): CounterFinder {
  const zones = new Map(set.tenants.map(({ id, timeZone }) => [id, timeZone ?? "UTC"]));
  const policies = Map.groupBy(set.policies, tenantOf);
  const found = new Map<string, Counter>();
  return ({ tenant, user, path }) => {
    const matching = (policies.get(tenant) ?? []).filter(({ apiPattern }) => matches(apiPattern, path));
    if (new Set(matching.map(({ scope }) => scope)).size < matching.length) {
      throw new Error(`Two policies of one scope match ${path} of ${tenant}: the checker takes one at most.`);
    }
    return matching.map((policy) => {
      const name = nameOf(policy, tenant, user);
      const known = found.get(name);
      if (known !== undefined) return known;
      const { scope } = policy;
      const counter = { name, tenant, scope, zone: zones.get(tenant) ?? "UTC", limits: limitsOf(policy) };
      found.set(name, counter);
      return counter;
    });
  };
}

function tenantOf({ name, target, httpMethod, enforcement, enabled, validity }: PolicyEntry): string {
  const isSimple = target.kind === "TENANT" && httpMethod === "ANY" && enforcement === "ENFORCE";
  if (!isSimple || !enabled || validity !== null) {
    throw new Error(`Policy ${name} is too much for the checker: give it a tenant, any method, ENFORCE, and no end.`);
  }
  return target.tenant;
}

/** `/orders/**` is `/orders` and all below it. */
function matches(pattern: string, path: string): boolean {
  if (!pattern.endsWith("/**") || pattern.slice(0, -3).includes("*")) {
    throw new Error(`Pattern ${pattern} is too much for the checker: end it with /** and use no other *.`);
  }
  const stem = pattern.slice(0, -3);
  return path === stem || path.startsWith(`${stem}/`);
}

function nameOf({ scope, apiPattern }: PolicyEntry, tenant: string, user: string | null): string {
  const withApi = scope === "TENANT_API" || scope === "TENANT_USER_API";
  const withUser = scope === "TENANT_USER" || scope === "TENANT_USER_API";
  return JSON.stringify([tenant, scope, withApi ? apiPattern : null, withUser ? user : null, withUser]);
}

function limitsOf({ name, limits }: PolicyEntry): CounterLimit[] {
  return WINDOWS.flatMap((window) => {
    const capacity = limits[FIELD_OF_WINDOW[window]];
    if (capacity === undefined || capacity === null) return [];
    if (capacity < 1) throw new Error(`Policy ${name} blocks or is unlimited: the checker knows limits from 1.`);
    return [{ window, capacity }];
  });
}
