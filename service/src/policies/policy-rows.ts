// Between rows of the tables and the product's words, both ways. Pure.
import { LIMIT_FIELDS, type LimitField, type Limits } from "@sluice/contract";
import type { Insertable, Selectable } from "kysely";
import type { Plan, Policy, Target, Tenant } from "./policy.ts";
import type { PolicyEntry } from "./policy-set.ts";
import type { ApiPolicyTable, LimitColumns, PlanTable, TenantTable } from "./policy-tables.ts";

const COLUMN_OF_FIELD: Readonly<Record<LimitField, keyof LimitColumns>> = {
  perSecond: "per_second",
  perMinute: "per_minute",
  perDay: "per_day",
  quotaPerDay: "quota_per_day",
  quotaPerMonth: "quota_per_month",
};
export const LIMIT_COLUMNS = LIMIT_FIELDS.map((field) => COLUMN_OF_FIELD[field]);

/** The columns that planOf, tenantOf and policyOf read. */
export const PLAN_COLUMNS = ["name", ...LIMIT_COLUMNS] as const;
export const TENANT_COLUMNS = ["id", "plan", "status", "time_zone", "next_plan", "next_plan_at"] as const;
export const POLICY_COLUMNS = [
  ...(["id", "name", "target_kind", "target_plan", "target_tenant", "http_method", "api_pattern", "scope"] as const),
  ...LIMIT_COLUMNS,
  ...(["enforcement", "enabled", "fallback", "valid_from", "valid_until"] as const),
] as const;

export type PlanRow = Pick<Selectable<PlanTable>, (typeof PLAN_COLUMNS)[number]>;
export type TenantRow = Pick<Selectable<TenantTable>, (typeof TENANT_COLUMNS)[number]>;
export type PolicyRow = Pick<Selectable<ApiPolicyTable>, (typeof POLICY_COLUMNS)[number]>;

export function planOf(row: PlanRow): Plan {
  return { name: row.name, limits: limitsOf(row) };
}

/** Of a tenant that is not deleted. */
export function tenantOf(row: TenantRow): Tenant {
  const { id, plan, status, time_zone: timeZone, next_plan: next, next_plan_at: at } = row;
  if (plan === null) throw new Error(`Tenant ${id} is deleted: it has no plan, and is not part of a snapshot.`);
  return {
    id,
    plan,
    status,
    timeZone,
    nextPlan: next !== null && at !== null ? { plan: next, atMs: at.getTime() } : null,
  };
}

export function policyOf(row: PolicyRow): Policy {
  const { valid_from: from, valid_until: until } = row;
  return {
    id: row.id,
    name: row.name,
    target: targetOf(row),
    httpMethod: row.http_method,
    apiPattern: row.api_pattern,
    scope: row.scope,
    limits: limitsOf(row),
    enforcement: row.enforcement,
    enabled: row.enabled,
    fallback: row.fallback,
    validity: from !== null && until !== null ? { validFromMs: from.getTime(), validUntilMs: until.getTime() } : null,
  };
}

export function planColumns(plan: Plan): Insertable<PlanTable> {
  return { name: plan.name, ...limitColumns(plan.limits) };
}

export function policyColumns(entry: PolicyEntry): Insertable<ApiPolicyTable> {
  const { target, validity } = entry;
  return {
    name: entry.name,
    target_kind: target.kind,
    target_plan: target.kind === "PLAN" ? target.plan : null,
    target_tenant: target.kind === "TENANT" ? target.tenant : null,
    http_method: entry.httpMethod,
    api_pattern: entry.apiPattern,
    scope: entry.scope,
    ...limitColumns(entry.limits),
    enforcement: entry.enforcement,
    enabled: entry.enabled,
    fallback: entry.fallback,
    valid_from: validity && new Date(validity.validFromMs),
    valid_until: validity && new Date(validity.validUntilMs),
    reason: entry.reason,
  };
}

/** Only what is set, so that equal limits are equal objects. */
function limitsOf(row: LimitColumns): Limits {
  const limits: Partial<Record<LimitField, number>> = {};
  for (const field of LIMIT_FIELDS) {
    const value = row[COLUMN_OF_FIELD[field]];
    if (value !== null) limits[field] = value;
  }
  return limits;
}

function limitColumns(limits: Limits): LimitColumns {
  return {
    per_second: limits.perSecond ?? null,
    per_minute: limits.perMinute ?? null,
    per_day: limits.perDay ?? null,
    quota_per_day: limits.quotaPerDay ?? null,
    quota_per_month: limits.quotaPerMonth ?? null,
  };
}

function targetOf({ target_plan: plan, target_tenant: tenant }: PolicyRow): Target {
  if (tenant !== null) return { kind: "TENANT", tenant };
  return plan !== null ? { kind: "PLAN", plan } : { kind: "EVERYONE" };
}
