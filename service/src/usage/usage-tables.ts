// The tables of usage as the query builder sees them: service/migrations/0004_usage.sql and 0008_usage_snapshot.sql say
// what they mean. Not here: quota_rows, which only whole statements of their own read and write.
import type { ColumnType, Generated } from "kysely";
import type { TotalSource } from "./total-rows.ts";

export type UsageRowTable = {
  tenant_id: string;
  /** 20261122, the date in the tenant's zone. */
  day_label: number;
  user_id: string;
  api: string;
  api_key: ColumnType<string, never, never>;
  incarnation: string;
  source: TotalSource;
  total: number;
  retracted: Generated<number>;
};

export type DeniedRowTable = Pick<UsageRowTable, "tenant_id" | "day_label" | "user_id" | "api" | "api_key"> & {
  denied: number;
};

/** A folded day: what `usage_rows` and `denied_rows` add up to. */
export type TenantDayTable = Pick<UsageRowTable, "tenant_id" | "day_label"> & { used: number; denied: number };

/** One row. Null before the first day was folded. */
export type UsageFoldsTable = { only_row: Generated<boolean>; folded_through: number | null };

export type UsageTables = {
  usage_rows: UsageRowTable;
  denied_rows: DeniedRowTable;
  tenant_days: TenantDayTable;
  usage_folds: UsageFoldsTable;
};
