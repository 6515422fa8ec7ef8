// The stored set in the words of a policy file: what is exported and applied again changes nothing. Pure.
import { planItem, policyItem, tenantItem } from "./admin-items.ts";
import type { StoredSet } from "./stored-set.ts";

type Row = Record<string, unknown>;

export function exportSet({
  plan,
  tenant,
  policy,
}: StoredSet): Readonly<Record<"plans" | "tenants" | "apiPolicies", Row[]>> {
  return {
    plans: [...plan.values()].map((row) => {
      const { name, limits } = planItem(row);
      return { name, limits };
    }),
    tenants: [...tenant.values()].map((row) => {
      // The plan in the row, not the one that a schedule has put in force since: the schedule is not part of a set.
      const { id, name, plan: current, status, timeZone } = tenantItem(row, Number.NEGATIVE_INFINITY);
      return { id, name, plan: current, timeZone, status };
    }),
    apiPolicies: [...policy.values()].map((row) => {
      const { id: _id, etag: _etag, createdAt: _created, updatedAt: _updated, fallback, ...words } = policyItem(row);
      return { ...words, ...(fallback !== null && { fallback }) };
    }),
  };
}
