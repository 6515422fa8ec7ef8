// The policies that checks are measured with: a plan for each number of scopes, all five windows limited in each scope,
// and limits so wide that nothing is ever refused.
import { type Limits, SCOPES, type Window } from "@sluice/contract";
import { openPostgres } from "@sluice/service/platform/postgres.ts";
import { putPlans } from "@sluice/service/policies/plans.pg.ts";
import { putPolicies } from "@sluice/service/policies/policies.pg.ts";
import { changePolicies } from "@sluice/service/policies/policy-changes.pg.ts";
import type { PolicyEntry, PolicySet } from "@sluice/service/policies/policy-set.ts";
import type { PolicyTables } from "@sluice/service/policies/policy-tables.ts";
import { putTenants } from "@sluice/service/policies/tenants.pg.ts";

export type ScopeCount = 1 | 2 | 3 | 4;

/** `seconds` is what a limiter without calendars makes of the window. */
export const WINDOW_LIMITS = [
  { window: "second", field: "perSecond", seconds: 1, limit: 1_000_000 },
  { window: "minute", field: "perMinute", seconds: 60, limit: 50_000_000 },
  { window: "day", field: "perDay", seconds: 86_400, limit: 1_000_000_000 },
  { window: "quotaDay", field: "quotaPerDay", seconds: 86_400, limit: 1_000_000_000 },
  { window: "month", field: "quotaPerMonth", seconds: 2_592_000, limit: 10_000_000_000 },
] as const satisfies readonly { window: Window; field: keyof Limits; seconds: number; limit: number }[];

const LIMITS: Limits = Object.fromEntries(WINDOW_LIMITS.map(({ field, limit }) => [field, limit]));

export function tenantId(scopes: ScopeCount, index: number): string {
  return `bench-${scopes}-${index}`;
}

/** Writes plans, policies, and `count` tenants for each number of scopes, through the repository's own functions. */
export async function putBenchPolicies(databaseUrl: string, scopeCounts: readonly ScopeCount[], count: number) {
  const tenants = scopeCounts.flatMap((scopes) =>
    Array.from({ length: count }, (_, index) => {
      const id = tenantId(scopes, index);
      return { id, name: id, plan: planOf(scopes), status: "ACTIVE" as const, timeZone: "Asia/Seoul" };
    }),
  );
  await putPolicySet(databaseUrl, {
    plans: scopeCounts.map((scopes) => ({ name: planOf(scopes), limits: LIMITS })),
    tenants,
    policies: scopeCounts.flatMap(policiesOf),
  });
}

export async function putPolicySet(databaseUrl: string, { plans, tenants, policies }: PolicySet): Promise<void> {
  const postgres = openPostgres<PolicyTables>({ url: databaseUrl, poolSize: 1 });
  try {
    await changePolicies(postgres.sql, async (change) => {
      await putPlans(change, plans);
      await putTenants(change, tenants, "UTC");
      await putPolicies(change, policies);
    });
  } finally {
    await postgres.close();
  }
}

function planOf(scopes: ScopeCount): string {
  return `bench-${scopes}`;
}

/** Scope TENANT is limited by the plan itself. */
function policiesOf(scopes: ScopeCount): PolicyEntry[] {
  return SCOPES.slice(1, scopes).map((scope) => ({
    name: `${planOf(scopes)}-${scope}`,
    target: { kind: "PLAN", plan: planOf(scopes) },
    httpMethod: "ANY",
    apiPattern: "/v1/**",
    scope,
    limits: LIMITS,
    enforcement: "ENFORCE",
    enabled: true,
    fallback: null,
    validity: null,
    reason: null,
  }));
}
