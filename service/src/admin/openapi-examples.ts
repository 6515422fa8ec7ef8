// Examples of the main routes, by operation: what a newcomer copies first. A test holds each to the schema of its route.

const id = "5f0c6c1e-8f0b-4c1e-9d55-0d7d0a4e4f10";
const row = { etag: id, createdAt: "2026-11-01T09:00:00.000Z", updatedAt: "2026-11-22T10:00:00.000Z" };
const freeLimits = { perSecond: 20, perMinute: 200, quotaPerMonth: 200_000 };
const plan = { name: "FREE", limits: freeLimits };
const acme = { id: "acme", name: "Acme Corp", plan: "FREE", status: "ACTIVE", timeZone: "Asia/Seoul" };
const storedAcme = { ...acme, nextPlan: null, ...row };
const policy = {
  name: "acme-export",
  target: { tenant: "acme" },
  httpMethod: "POST",
  apiPattern: "/v1/report/export",
  scope: "TENANT_API",
  limits: { perMinute: 10, quotaPerMonth: 1_000 },
  enforcement: "ENFORCE",
  enabled: true,
};
const override = {
  ...{ ...policy, name: "acme-migration", limits: { perMinute: 100 } },
  validUntil: "2026-11-30T00:00:00.000Z",
  reason: "Acme moves its archive this week, ticket 4711",
};
const check = { tenantId: "acme", userId: "u-17", apiPath: "/v1/report/export", httpMethod: "POST" };
const decision = {
  ...{ allowed: true, reason: "OK", status: 200 },
  remaining: { perSecond: 19, perMinute: 9, perDay: null, quotaDaily: null, quotaMonthly: 999 },
  resetAt: {
    second: "2026-11-22T10:00:01.000Z",
    minute: "2026-11-22T10:01:00.000Z",
    day: "2026-11-23T00:00:00.000Z",
    quotaDay: "2026-11-22T15:00:00.000Z",
    month: "2026-11-30T15:00:00.000Z",
  },
  ...{ retryAfterMs: null, deniedBy: null, shadow: [], notes: [], policyVersion: 42 },
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
};
const usage = { tenantId: "acme", userId: null, api: null, total: 1_204, denied: 16 };

export const EXAMPLES: Readonly<Record<string, Readonly<{ body?: unknown; answer?: unknown }>>> = {
  check: { body: check, answer: decision },
  checkBatch: { body: { checks: [check] }, answer: { decisions: [decision] } },
  login: {
    body: { loginId: "kim", password: "four unrelated quiet words" },
    answer: {
      accessToken: "<signed token>",
      accessTokenExpiresAt: "2026-11-22T10:15:00.000Z",
      refreshToken: "<opaque token>",
      refreshTokenExpiresAt: "2026-11-23T10:00:00.000Z",
    },
  },
  replacePassword: { body: { oldPassword: "four unrelated quiet words", newPassword: "seven lamps on a tractor" } },
  createUser: {
    body: { loginId: "lee", password: "four unrelated quiet words", role: "OPERATOR", tenants: ["acme"] },
    answer: { id, loginId: "lee", role: "OPERATOR", tenants: ["acme"], disabled: false, ...row },
  },
  createTenant: { body: acme, answer: storedAcme },
  updateTenant: { body: { status: "SUSPENDED" }, answer: { ...storedAcme, status: "SUSPENDED" } },
  replaceTenantPlan: {
    body: { plan: "PRO", at: "2026-11-30T15:00:00Z" },
    answer: { ...storedAcme, nextPlan: { plan: "PRO", at: "2026-11-30T15:00:00.000Z" } },
  },
  listTenants: { answer: { items: [storedAcme], nextCursor: null } },
  createPlan: { body: plan, answer: { ...plan, ...row, warnings: [] } },
  replacePlan: { body: { limits: freeLimits }, answer: { ...plan, ...row, warnings: [] } },
  listPlans: { answer: { items: [{ ...plan, ...row }], nextCursor: null } },
  createApiPolicy: { body: policy, answer: { id, ...policy, fallback: null, ...row, warnings: [] } },
  createOverride: {
    body: override,
    answer: { id, ...override, validFrom: "2026-11-22T10:00:00.000Z", fallback: null, ...row, warnings: [] },
  },
  applyPolicySet: {
    body: { plans: [plan], tenants: [acme], apiPolicies: [policy] },
    answer: {
      dryRun: true,
      changes: [{ kind: "policy", key: "acme-export", act: "create" }],
      unchanged: 2,
      warnings: [],
    },
  },
  explain: { body: check },
  listUsageDaily: {
    answer: { items: [{ ...usage, period: "2026-11-22" }], nextCursor: null, source: "primary", lagMs: 0 },
  },
  listUsageMonthly: {
    answer: { items: [{ ...usage, period: "2026-11" }], nextCursor: null, source: "primary", lagMs: 0 },
  },
  resetTenantCounters: { body: { scope: "TENANT", windows: ["minute"], reason: "A test ran against production" } },
  grantTenantCounters: {
    body: { scope: "TENANT", window: "month", amount: 5_000, reason: "Goodwill after the outage of November 20" },
  },
};
