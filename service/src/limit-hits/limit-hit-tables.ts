// The table of limit hits as the query builder sees it: service/migrations/0004_usage.sql says what it means.
import type { Reason, Scope, Window } from "@sluice/contract";
import type { ColumnType } from "kysely";

export type LimitHitTable = {
  tenant_id: string;
  minute_at: Date;
  /** 20261122, the date in the tenant's zone. */
  day_label: number;
  user_id: string;
  api: string;
  reason: Reason;
  /** These three are empty where no limit refused. */
  limit_window: Window | "";
  policy_id: string;
  scope: Scope | "";
  line_key: ColumnType<string, never, never>;
  hits: number;
  cost: number;
  first_at: Date;
  last_at: Date;
};

export type LimitHitTables = { limit_hits: LimitHitTable };
