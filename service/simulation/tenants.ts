// Who and what a simulation is about: few tenants, few users, and limits that are reached soon.
import type { Policy } from "../src/policies/policy.ts";
import type { PlanLimits } from "./model-postgres.ts";

export const SYSTEM_ID = "7000000000000000001";
export const PLAN = "FREE";
/** Spread over the shards by their slots. */
export const TENANTS = ["acme", "birch", "cedar"] as const;
export const USERS = ["", "u-1"] as const;

export const FIRST_LIMITS: PlanLimits = { perMinute: 25, quotaPerDay: 40, quotaPerMonth: 60 };
export const OTHER_LIMITS: PlanLimits = { perMinute: 15, quotaPerDay: 60, quotaPerMonth: 45 };
/** Out of reach. */
export const QUIET_LIMITS: PlanLimits = { perMinute: 1e6, quotaPerDay: 1e6, quotaPerMonth: 1e6 };
/** Asks when all is quiet, and has nothing used. */
export const QUIET_USER = "u-quiet";
export const USER_QUOTA_PER_DAY = 25;

/** The second counter of every check. */
export const POLICIES: readonly Policy[] = [
  {
    ...{ id: "00000000-0000-7000-8000-000000000001", name: "per-user", target: { kind: "EVERYONE" } },
    ...{ httpMethod: "ANY", apiPattern: "/v1/**", scope: "TENANT_USER", limits: { quotaPerDay: USER_QUOTA_PER_DAY } },
    ...{ enforcement: "ENFORCE", enabled: true, fallback: null, validity: null },
  },
];
