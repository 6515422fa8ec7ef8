// Rows of usage for tests and demonstrations: writing them for real is the matter of whoever counts.
import type { Kysely } from "kysely";
import type { TotalSource } from "./total-rows.ts";
import type { UsageTables } from "./usage-tables.ts";

export type UsageEntry = Readonly<{
  tenant: string;
  day: number;
  user: string;
  api: string;
  total: number;
  retracted?: number;
  incarnation?: string;
  source?: TotalSource;
}>;

/** The months must be open. */
export async function insertUsage(db: Kysely<UsageTables>, entries: readonly UsageEntry[]): Promise<void> {
  const rows = entries.map((entry) => {
    const { tenant, day, user, api, total, retracted = 0, incarnation = "p.0", source = "STORE" as const } = entry;
    return { tenant_id: tenant, day_label: day, user_id: user, api, incarnation, source, total, retracted };
  });
  await db.insertInto("usage_rows").values(rows).execute();
}
