// Every route of the Admin API. What is not listed here is neither served, nor documented, nor tested.
import type { AdminTables } from "./admin/admin-tables.ts";
import type { Route } from "./admin/route.admin.ts";
import { auditRoutes } from "./audit/audit.admin.ts";
import type { AuditTables } from "./audit/audit-tables.ts";
import type { AccessTokens } from "./auth/access-token.ts";
import type { AuthTables } from "./auth/auth-tables.ts";
import type { PasswordHasher } from "./auth/password-hasher.job.ts";
import type { ServiceCredentialTables } from "./auth/service-credential-tables.ts";
import { serviceCredentialRoutes } from "./auth/service-credentials.admin.ts";
import { sessionRoutes } from "./auth/session.admin.ts";
import { userRoutes } from "./auth/users.admin.ts";
import { adjustmentRoutes } from "./counters/adjustments.admin.ts";
import type { Counters } from "./counters/counters.ts";
import { explainRoutes } from "./explain/explain.admin.ts";
import type { Explain } from "./explain/explain.ts";
import { limitHitRoutes } from "./limit-hits/limit-hits.admin.ts";
import type { Postgres } from "./platform/postgres.ts";
import type { ReadDatabase } from "./platform/read-replica.ts";
import { planRoutes } from "./policies/plans.admin.ts";
import { policyRoutes } from "./policies/policies.admin.ts";
import { policySetRoutes } from "./policies/policy-set.admin.ts";
import type { PolicyTables } from "./policies/policy-tables.ts";
import { tenantRoutes } from "./policies/tenants.admin.ts";
import { erasePersonRoutes } from "./usage/erase-person.admin.ts";
import { usageRoutes } from "./usage/usage.admin.ts";

export type AdminRouteParts = Readonly<{
  postgres: Pick<Postgres<AdminTables>, "sql">;
  /** Reads that may be a little old. */
  reports: ReadDatabase<AdminTables>;
  hasher: PasswordHasher;
  accessTokens: AccessTokens;
  defaultTimeZone: string;
  explain: Explain;
  counters: Pick<Counters, "adjust" | "raise" | "nowMs">;
}>;

export function adminRoutes(parts: AdminRouteParts): Route[] {
  const { postgres, reports, hasher, accessTokens, defaultTimeZone, explain, counters } = parts;
  const { sql } = postgres;
  const policies = sql.$pickTables<keyof PolicyTables>();
  const auth = sql.$pickTables<keyof AuthTables>();
  const database = sql.$pickTables<keyof AuthTables | keyof AuditTables>();
  return [
    ...sessionRoutes({ database, hasher, accessTokens }),
    ...userRoutes(auth, hasher),
    ...serviceCredentialRoutes(sql.$pickTables<keyof ServiceCredentialTables>()),
    ...tenantRoutes(policies, defaultTimeZone),
    ...planRoutes(policies),
    ...policyRoutes(policies),
    ...policySetRoutes(policies, defaultTimeZone),
    ...explainRoutes(explain),
    ...adjustmentRoutes(counters),
    ...erasePersonRoutes(),
    ...usageRoutes(reports),
    ...limitHitRoutes(reports),
    ...auditRoutes(sql.$pickTables<keyof AuditTables>()),
  ];
}
