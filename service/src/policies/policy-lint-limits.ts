// Remarks on the figures of one row: limits that another makes unreachable, and limits that a plan sets already. Pure.
import { LIMIT_FIELDS, type LimitField, type Limits } from "@sluice/contract";
import type { Policy } from "./policy.ts";
import type { SetIndex } from "./policy-lint-set.ts";

/**
 * Fields that count the same way, the shorter window first. A calendar quota and a sliding window are not compared: a
 * sliding day takes in parts of two calendar days.
 */
const COMPARABLE: readonly (readonly LimitField[])[] = [
  ["perSecond", "perMinute", "perDay"],
  ["quotaPerDay", "quotaPerMonth"],
];

export function fieldsSetIn(limits: Limits): LimitField[] {
  return LIMIT_FIELDS.filter((field) => (limits[field] ?? null) !== null);
}

/** Neighbours among the limits of 1 and more whose longer window has the lower figure. */
export function unreachableLimits(limits: Limits): { shorter: LimitField; longer: LimitField }[] {
  return COMPARABLE.flatMap((fields) => {
    const limiting = fields.filter((field) => (limits[field] ?? 0) > 0);
    return limiting.flatMap((longer, i) => {
      const shorter = limiting[i - 1];
      return shorter !== undefined && (limits[longer] ?? 0) < (limits[shorter] ?? 0) ? [{ shorter, longer }] : [];
    });
  });
}

/**
 * Fields of a policy in scope TENANT whose limit the target's plan sets alike, where nothing else sets them: so the plan's
 * would apply without it, in the same counter.
 */
export function limitsOfPlanRepeated(
  written: Omit<Policy, "id">,
  index: SetIndex,
): { field: LimitField; plan: string }[] {
  if (written.scope !== "TENANT" || written.enforcement !== "ENFORCE" || !written.enabled) return [];
  const { target } = written;
  const name = target.kind === "PLAN" ? target.plan : target.kind === "TENANT" ? index.planOf(target.tenant) : null;
  const plan = name === null ? undefined : index.plans.get(name);
  if (plan === undefined) return [];
  return fieldsSetIn(written.limits).flatMap((field) => {
    const isAlone = index.settersInTenantScope(field).every((setter) => setter === written.name);
    return isAlone && plan.limits[field] === written.limits[field] ? [{ field, plan: plan.name }] : [];
  });
}
