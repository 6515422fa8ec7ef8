// Rows of usage for tests and demonstrations: writing them for real is the matter of whoever counts.
import type { Kysely } from "kysely";
import type { UsageSource, UsageTables } from "./usage-tables.ts";

export type UsageEntry = Readonly<{
  tenant: string;
  day: number;
  user: string;
  api: string;
  total: number;
  incarnation?: string;
  source?: UsageSource;
}>;

/** The months must be open. */
export async function insertUsage(db: Kysely<UsageTables>, entries: readonly UsageEntry[]): Promise<void> {
  const rows = entries.map(({ tenant, day, user, api, total, incarnation = "p.0", source = "STORE" as const }) => {
    return { tenant_id: tenant, day_label: day, user_id: user, api, incarnation, source, total };
  });
  await db.insertInto("usage_rows").values(rows).execute();
}
