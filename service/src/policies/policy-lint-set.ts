// The set that written rows are looked at in, indexed once for all of them: enabled policies by what they
// compete for, and by pattern.
import type { LimitField, Scope } from "@sluice/contract";
import { PatternCovers } from "./pattern-covers.ts";
import type { Enforcement, Plan, Policy, Target } from "./policy.ts";
import { fieldsSetIn } from "./policy-lint-limits.ts";

export type LintSet = Readonly<{
  plans: Iterable<Plan>;
  /** Known by their names. */
  policies: Iterable<Omit<Policy, "id">>;
  /** The plan that a tenant is on; null = not known. */
  planOf: (tenant: string) => string | null;
}>;

export type SetIndex = Readonly<{
  plans: ReadonlyMap<string, Plan>;
  planOf: (tenant: string) => string | null;
  /** The enabled policies of one target that compete with each other and match every path that `pattern` does. */
  covering: (enforcement: Enforcement, scope: Scope, target: Target, pattern: string) => Omit<Policy, "id">[];
  /** Names of the policies in force that set the field in scope TENANT, whatever their target. */
  settersInTenantScope: (field: LimitField) => readonly string[];
}>;

export function indexOfSet({ plans, policies, planOf }: LintSet): SetIndex {
  const enabled = [...policies].filter((policy) => policy.enabled);
  const groups = new Map<string, PatternCovers<Omit<Policy, "id">>>();
  for (const policy of enabled) {
    const key = groupOf(policy.enforcement, policy.scope, policy.target);
    const group = groups.get(key) ?? new PatternCovers();
    groups.set(key, group);
    group.add(policy.apiPattern, policy);
  }
  const setters = new Map<LimitField, string[]>();
  for (const { scope, enforcement, limits, name } of enabled) {
    if (scope !== "TENANT" || enforcement !== "ENFORCE") continue;
    for (const field of fieldsSetIn(limits)) {
      const names = setters.get(field);
      if (names === undefined) setters.set(field, [name]);
      else names.push(name);
    }
  }
  return {
    plans: new Map([...plans].map((plan) => [plan.name, plan])),
    planOf,
    covering: (enforcement, scope, target, pattern) => {
      return groups.get(groupOf(enforcement, scope, target))?.covering(pattern) ?? [];
    },
    settersInTenantScope: (field) => setters.get(field) ?? [],
  };
}

function groupOf(enforcement: Enforcement, scope: Scope, target: Target): string {
  const name = target.kind === "TENANT" ? target.tenant : target.kind === "PLAN" ? target.plan : "";
  return `${enforcement} ${scope} ${target.kind} ${name}`;
}
