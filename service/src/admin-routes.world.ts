// Every route of the Admin API over a real database and counters in memory, for tests that go through all of them.
import { NOW_MS } from "./admin/admin.world.ts";
import type { AdminTables } from "./admin/admin-tables.ts";
import type { Route } from "./admin/route.admin.ts";
import { adminRoutes } from "./admin-routes.ts";
import { createAccessTokens } from "./auth/access-token.ts";
import { createPasswordHasher } from "./auth/password-hasher.job.ts";
import { newTokenKeyPem, readTokenKeys } from "./auth/token-keys.ts";
import { MemoryCounters } from "./counters/counters.memory.ts";
import type { Explain } from "./explain/explain.ts";
import type { Postgres } from "./platform/postgres.ts";
import { openReadDatabase } from "./platform/read-replica.ts";
import { openMonths } from "./usage/partitions.pg.ts";
import { MONTHLY_TABLES, monthsToOpen } from "./usage/partitions.ts";

/** As a worker explains that has no policies yet. */
const NOTHING_KNOWN: Explain = async () => ({
  ...{ policyVersion: 0, tenant: null, fields: [], shadow: [], unmatched: [], unmatchedMore: 0, counters: [] },
  ...{ decision: null, unavailable: "policy_unknown" },
});

export function routesOn(postgres: Postgres<AdminTables>): Route[] {
  const keys = readTokenKeys([newTokenKeyPem()]);
  return adminRoutes({
    postgres,
    reports: openReadDatabase<AdminTables>({ primary: postgres, replica: null }),
    hasher: createPasswordHasher(),
    accessTokens: createAccessTokens({ keys: async () => keys, issuer: "test", audience: "test" }),
    defaultTimeZone: "UTC",
    explain: NOTHING_KNOWN,
    counters: new MemoryCounters(() => NOW_MS),
  });
}

/** The partitions that a worker would have opened. */
export async function openMonthsOf({ pool }: Postgres<AdminTables>): Promise<void> {
  for (const table of MONTHLY_TABLES) await openMonths(pool, table, monthsToOpen(NOW_MS));
}
