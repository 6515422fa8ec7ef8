// Reads what is written down of one writer's usage, whoever wrote it.
import { queryWithin } from "../platform/bounded-query.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import type { UsageTotal } from "./total-rows.ts";

/** From the day `since` (20261122) on. */
export type AskedRows = Readonly<{ incarnation: string; tenants: readonly string[]; since: number }>;

export async function readOwnRows(
  pool: RebuildablePool,
  { incarnation, tenants, since }: AskedRows,
  timeoutMs: number,
): Promise<UsageTotal[]> {
  const text = `
    select tenant_id as tenant, day_label as "dayLabel", user_id as user, api as "usageApi", source, incarnation,
      total, retracted
    from usage_rows
    where tenant_id = any($1::text[]) and day_label >= $2 and source = 'STORE' and incarnation = $3`;
  return await queryWithin<UsageTotal>(pool, timeoutMs, text, [tenants, since, incarnation]);
}
