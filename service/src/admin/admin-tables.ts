// Every table that a change through the Admin API may touch, as the query builder sees them.
import type { Scope } from "@sluice/contract";
import type { Generated } from "kysely";
import type { AuditTables } from "../audit/audit-tables.ts";
import type { AuthTables } from "../auth/auth-tables.ts";
import type { LimitHitTables } from "../limit-hits/limit-hit-tables.ts";
import type { PolicyTables } from "../policies/policy-tables.ts";
import type { UsageTables } from "../usage/usage-tables.ts";

export type IdempotencyTable = {
  actor: string;
  route: string;
  key: string;
  request_sha256: string;
  status: number;
  body: string | null;
  etag: string | null;
  location: string | null;
  created_at: Generated<Date>;
};

export type QuotaAdjustmentTable = {
  id: string;
  tenant_id: string;
  scope: Scope;
  api: string;
  user_id: string;
  quota_window: "quotaDay" | "month";
  period_label: number;
  amount: number;
  /** Of the store's counters, under which `off_since` had been counted; 0 where that is 0. */
  generation: number;
  /** Of what was cut, what came off `since` (counters/adjust.ts). */
  off_since: number;
  reason: string;
  created_at: Generated<Date>;
};

export type AdminTables = PolicyTables &
  AuthTables &
  AuditTables &
  UsageTables &
  LimitHitTables & { idempotency_keys: IdempotencyTable; quota_adjustments: QuotaAdjustmentTable };
