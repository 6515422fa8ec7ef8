// What the demo shows: two tenants on different plans, a stricter rule for one API, and a rule that only watches.
import type { PolicySet } from "../policies/policy-set.ts";

const EXPORT_RULE = {
  httpMethod: "POST",
  apiPattern: "/v1/report/export",
  enabled: true,
  fallback: null,
  validity: null,
  reason: null,
} as const;

export const DEMO_POLICIES: PolicySet = {
  plans: [
    {
      name: "FREE",
      limits: { perSecond: 20, perMinute: 200, perDay: 5_000, quotaPerDay: 20_000, quotaPerMonth: 200_000 },
    },
    {
      name: "PRO",
      limits: { perSecond: 200, perMinute: 6_000, perDay: 500_000, quotaPerDay: 1_000_000, quotaPerMonth: 20_000_000 },
    },
  ],
  tenants: [
    { id: "acme", name: "Acme Corp", plan: "FREE", status: "ACTIVE", timeZone: "Asia/Seoul" },
    { id: "globex", name: "Globex", plan: "PRO", status: "ACTIVE", timeZone: "Europe/Berlin" },
  ],
  policies: [
    {
      ...EXPORT_RULE,
      name: "acme-export",
      target: { kind: "TENANT", tenant: "acme" },
      scope: "TENANT_API",
      limits: { perMinute: 10, quotaPerMonth: 1_000 },
      enforcement: "ENFORCE",
    },
    {
      ...EXPORT_RULE,
      name: "export-per-user-trial",
      target: { kind: "EVERYONE" },
      scope: "TENANT_USER_API",
      limits: { perMinute: 2 },
      enforcement: "SHADOW",
    },
  ],
};
