// A refused check as the record of limit hits keeps it. Pure.
import type { Decision } from "@sluice/contract";
import { type LimitHit, OTHER_API, UNKNOWN_TENANT } from "../limit-hits/limit-hit.ts";
import { periodHolding } from "../limits/quota-period.ts";
import { UNMATCHED_API } from "../policies/snapshot.ts";
import { OTHER_USER } from "../usage/special-users.ts";
import type { Asked } from "./asked.ts";

/** `nowMs` by the counters' clock, after the decision. */
export function limitHitOf(asked: Asked, { reason, deniedBy }: Decision, nowMs: number): LimitHit {
  const { tenantId, user, cost } = asked.input;
  const window = deniedBy?.window ?? null;
  const policyId = deniedBy?.policyId ?? null;
  const scope = deniedBy?.scope ?? null;
  const what = { reason, window, policyId, scope, cost, atMs: nowMs };
  if (asked.kind === "not_found" || asked.kind === "policy_unknown") {
    // Nobody has confirmed that there is such a tenant: whatever ids a caller makes up, they are one line.
    return { tenant: UNKNOWN_TENANT, user: OTHER_USER, api: OTHER_API, dayLabel: utcDay(nowMs), ...what };
  }
  const { day } = asked.periods;
  const { label: dayLabel } = periodHolding(day, nowMs) ?? day.current;
  const api = asked.kind === "suspended" ? UNMATCHED_API : asked.resolution.usageApi;
  return { tenant: tenantId, user, api, dayLabel, ...what };
}

function utcDay(nowMs: number): number {
  const date = new Date(nowMs);
  return date.getUTCFullYear() * 10_000 + (date.getUTCMonth() + 1) * 100 + date.getUTCDate();
}
