// Many tenants and many policies: a quarter of the policies for everyone, a quarter for plans, half for single tenants.
import { SCOPES } from "@sluice/contract";
import type { Plan, Target } from "@sluice/service/policies/policy.ts";
import type { PolicyEntry, PolicySet, TenantEntry } from "@sluice/service/policies/policy-set.ts";

const PLANS = 10;
const METHODS = ["GET", "POST", "ANY"];
const TIME_ZONES = ["Asia/Seoul", "Europe/Berlin", "America/New_York", "UTC"];

export function policyCrowd(tenants: number, policies: number): PolicySet {
  return {
    plans: Array.from({ length: PLANS }, (_, index) => planAt(index)),
    tenants: Array.from({ length: tenants }, (_, index) => tenantAt(index)),
    policies: Array.from({ length: policies }, (_, index) => policyAt(index, tenants)),
  };
}

export function crowdTenantId(index: number): string {
  return `tenant-${index.toString(36).padStart(5, "0")}`;
}

export function crowdPlanName(index: number): string {
  return `PLAN-${index % PLANS}`;
}

/** A path that policy `index` matches, where its target fits; another one for each `item`. */
export function crowdPath(index: number, item: number): string {
  return `/v1/service-${index % 100}/resource-${index}/items/${item}`;
}

function planAt(index: number): Plan {
  return { name: crowdPlanName(index), limits: { perSecond: 100 + index, perMinute: 5_000, quotaPerMonth: 1_000_000 } };
}

function tenantAt(index: number): TenantEntry {
  const timeZone = TIME_ZONES[index % TIME_ZONES.length] ?? null;
  return { id: crowdTenantId(index), name: `Tenant ${index}`, plan: crowdPlanName(index), status: "ACTIVE", timeZone };
}

function policyAt(index: number, tenants: number): PolicyEntry {
  const tail = index % 3 === 0 ? "items/*" : "**";
  return {
    name: `policy-${index}`,
    target: targetOf(index, tenants),
    httpMethod: METHODS[index % METHODS.length] ?? "ANY",
    apiPattern: `/v1/service-${index % 100}/resource-${index}/${tail}`,
    scope: SCOPES[index % SCOPES.length] ?? "TENANT",
    limits: { perSecond: 10 + (index % 50), perMinute: 600 },
    enforcement: index % 20 === 19 ? "SHADOW" : "ENFORCE",
    enabled: true,
    fallback: null,
    validity: null,
    reason: null,
  };
}

function targetOf(index: number, tenants: number): Target {
  if (index % 4 === 0) return { kind: "EVERYONE" };
  if (index % 4 === 1) return { kind: "PLAN", plan: crowdPlanName(index) };
  return { kind: "TENANT", tenant: crowdTenantId((index * 7) % tenants) };
}
