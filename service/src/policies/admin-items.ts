// Stored rows of plans, tenants and policies as the Admin API shows them. Pure.
import type { OverrideItem, PlanItem, PolicyItem, TenantItem } from "@sluice/contract";
import type { Selectable } from "kysely";
import type { Policy, Target } from "./policy.ts";
import { planOf, policyOf } from "./policy-rows.ts";
import type { ApiPolicyTable, PlanTable, TenantTable } from "./policy-tables.ts";

type RowColumns = Readonly<{ etag: string; created_at: Date; updated_at: Date }>;

export function planItem(row: Selectable<PlanTable>): PlanItem {
  return { ...planOf(row), ...rowFields(row) };
}

/** Of a tenant that is not deleted. A scheduled plan whose instant has passed is the plan. */
export function tenantItem(row: Selectable<TenantTable>, nowMs: number): TenantItem {
  const { id, name, status, time_zone: timeZone, next_plan: next, next_plan_at: at } = row;
  const isDue = at !== null && at.getTime() <= nowMs;
  const plan = isDue ? next : row.plan;
  if (plan === null) throw new Error(`Tenant ${id} is deleted.`);
  const nextPlan = next === null || at === null || isDue ? null : { plan: next, at: at.toISOString() };
  return { id, name, plan, status, timeZone, nextPlan, ...rowFields(row) };
}

export function policyItem(row: Selectable<ApiPolicyTable>): PolicyItem {
  const { validity: _, target, ...policy }: Policy = policyOf(row);
  return { ...policy, target: targetText(target), ...rowFields(row) };
}

export function overrideItem(row: Selectable<ApiPolicyTable>): OverrideItem {
  const { valid_from: from, valid_until: until, reason } = row;
  if (from === null || until === null || reason === null) throw new Error(`Policy ${row.id} is no override.`);
  return { ...policyItem(row), validFrom: from.toISOString(), validUntil: until.toISOString(), reason };
}

function targetText(target: Target): PolicyItem["target"] {
  if (target.kind === "EVERYONE") return "everyone";
  return target.kind === "PLAN" ? { plan: target.plan } : { tenant: target.tenant };
}

function rowFields({ etag, created_at: created, updated_at: updated }: RowColumns) {
  return { etag, createdAt: created.toISOString(), updatedAt: updated.toISOString() };
}
