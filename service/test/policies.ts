// Rows for tests of policies: valid as they are, with whatever a test cares about put in their place.
import type { Plan } from "../src/policies/policy.ts";
import type { PolicyEntry, TenantEntry } from "../src/policies/policy-set.ts";

export const free: Plan = { name: "FREE", limits: { perSecond: 20, perMinute: 200 } };
export const pro: Plan = { name: "PRO", limits: { perSecond: 100 } };

export const acme = tenant({ id: "acme", name: "Acme Corp" });

export function tenant(row: Partial<TenantEntry> & Pick<TenantEntry, "id">): TenantEntry {
  return { name: row.id, plan: "FREE", status: "ACTIVE", timeZone: null, ...row };
}

export function policy(row: Partial<PolicyEntry> & Pick<PolicyEntry, "name">): PolicyEntry {
  return {
    target: { kind: "EVERYONE" },
    httpMethod: "ANY",
    apiPattern: `/${row.name}/**`,
    scope: "TENANT_API",
    limits: { perMinute: 10 },
    enforcement: "ENFORCE",
    enabled: true,
    fallback: null,
    validity: null,
    reason: null,
    ...row,
  };
}
