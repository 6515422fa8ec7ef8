// The tables of usage reports as the query builder sees it: service/migrations/0004_usage.sql says what they mean.
import type { ColumnType } from "kysely";

export type UsageSource = "STORE" | "FALLBACK";

export type UsageRowTable = {
  tenant_id: string;
  /** 20261122, the date in the tenant's zone. */
  day_label: number;
  user_id: string;
  api: string;
  api_key: ColumnType<string, never, never>;
  incarnation: string;
  source: UsageSource;
  total: number;
};

export type DeniedRowTable = Pick<UsageRowTable, "tenant_id" | "day_label" | "user_id" | "api" | "api_key"> & {
  denied: number;
};

export type UsageTables = { usage_rows: UsageRowTable; denied_rows: DeniedRowTable };
