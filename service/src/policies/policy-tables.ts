// The tables of plans, tenants and policies as the query builder sees them: service/migrations/0001_policies.sql; and with
// them whatever else is published by the policy version.
// Not here: what the columns mean to the product (policy.ts); rows become that in policy-rows.ts.
import type { FallbackMode, Scope } from "@sluice/contract";
import type { ColumnType, Generated } from "kysely";
import type { ServiceCredentialTables } from "../auth/service-credential-tables.ts";
import type { Enforcement, TargetKind, TenantStatus } from "./policy.ts";

/** Read as a Date, written as one. Columns that the database fills are never written. */
type Filled<T> = ColumnType<T, never, never>;

export type LimitColumns = {
  per_second: number | null;
  per_minute: number | null;
  per_day: number | null;
  quota_per_day: number | null;
  quota_per_month: number | null;
};

type RowColumns = { etag: Filled<string>; created_at: Filled<Date>; updated_at: Filled<Date> };

export type PlanTable = LimitColumns & RowColumns & { name: string };

export type TenantTable = RowColumns & {
  id: string;
  name: string;
  /** Null only once deleted. */
  plan: string | null;
  status: TenantStatus;
  time_zone: string;
  next_plan: string | null;
  next_plan_at: Date | null;
  deleted_at: Date | null;
  reserved_until: Date | null;
};

export type ApiPolicyTable = LimitColumns &
  RowColumns & {
    id: Generated<string>;
    name: string;
    target_kind: TargetKind;
    target_plan: string | null;
    target_tenant: string | null;
    http_method: string;
    api_pattern: string;
    scope: Scope;
    enforcement: Enforcement;
    enabled: boolean;
    fallback: FallbackMode | null;
    valid_from: Date | null;
    valid_until: Date | null;
    reason: string | null;
  };

/** What a policy file declares. */
export type DeclaredKind = "PLAN" | "TENANT" | "POLICY";
/** What a version touched. */
export type RowKind = DeclaredKind | "CREDENTIAL";

export type PolicyTables = ServiceCredentialTables & {
  plans: PlanTable;
  tenants: TenantTable;
  api_policies: ApiPolicyTable;
  policy_file: { only_row: Generated<boolean>; sha256: string; applied_at: Generated<Date> };
  policy_file_rows: { kind: DeclaredKind; key: string; etag: string };
};
