// The same statements on the embedded database: months, limit hits, reports and erasure, once through.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { line } from "../limit-hits/limit-hit.world.ts";
import { listLimitHits } from "../limit-hits/limit-hit-list.pg.ts";
import type { LimitHitTables } from "../limit-hits/limit-hit-tables.ts";
import { addLimitHits } from "../limit-hits/limit-hit-write.pg.ts";
import { startEmbeddedPostgres } from "../platform/embedded-postgres.ts";
import { migrate } from "../platform/migrate.ts";
import { openPostgres } from "../platform/postgres.ts";
import { erasePerson } from "./erase-person.pg.ts";
import { foldDay } from "./fold-day.pg.ts";
import { dropMonths, openMonths } from "./partitions.pg.ts";
import { MONTHLY_TABLES } from "./partitions.ts";
import { readUsage } from "./usage-report.pg.ts";
import type { UsageReport } from "./usage-series.ts";
import type { UsageTables } from "./usage-tables.ts";
import { writeQuotaTotals, writeUsageTotals } from "./write-totals.pg.ts";

test("the embedded database keeps and tells usage and limit hits like a server", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-usage-"));
  const embedded = await startEmbeddedPostgres({ folder });
  const { sql, pool, close } = openPostgres<UsageTables & LimitHitTables>({ url: embedded.url });
  try {
    await migrate(embedded);
    for (const table of MONTHLY_TABLES)
      expect(await openMonths(pool, table, [202001, 202611])).toEqual([202001, 202611]);
    const row = { tenant: "acme", user: "kim", usageApi: "GET /v1/**", dayLabel: 20261122 };
    const owned = { incarnation: "p.0", source: "STORE", total: 5, retracted: 0 } as const;
    expect(await writeUsageTotals(pool, [{ ...row, ...owned }], 10_000)).toEqual({ late: 0 });
    const quota = { scope: "TENANT", api: null, window: "month", label: 202611, generation: 1 } as const;
    await writeQuotaTotals(pool, [{ tenant: "acme", user: null, ...quota, ...owned }], 10_000);
    const chunk = { writer: "w", sequence: 1, lines: [line({ hits: 2 })] };
    for (let time = 0; time < 2; time += 1) await addLimitHits(pool, chunk, 10_000);
    await sql.transaction().execute((transaction) => erasePerson(transaction, "acme", "kim"));
    const day = { from: 20261122, to: 20261122 };
    const report: UsageReport = { kind: "day", tenant: null, user: null, api: null, groupBy: "user", ...day };
    expect(await readUsage(sql, report, { after: null, limit: 10 })).toEqual([
      { period: 20261122, tenant: "acme", member: "\u0001erased", total: 5, denied: 2 },
    ]);
    expect(await foldDay(pool, 20261122)).toBe("folded");
    const folded = await readUsage(sql, { ...report, groupBy: "tenant" }, { after: null, limit: 10 });
    expect(folded).toEqual([{ period: 20261122, tenant: "acme", member: "", total: 5, denied: 2 }]);
    const late = { ...row, dayLabel: 20200110, ...owned };
    expect(await writeUsageTotals(pool, [late], 10_000)).toEqual({ late: 1 });
    const all = { tenants: ["acme"], user: null, api: null, reason: null, fromMs: null, toMs: null };
    expect(await listLimitHits(sql, all, { after: null, limit: 10 })).toMatchObject([{ userId: "(erased)", hits: 2 }]);
    expect(await dropMonths(pool, "usage_rows", 202611)).toEqual(["usage_rows_202001"]);
  } finally {
    await close();
    await embedded.close();
    await rm(folder, { recursive: true, force: true });
  }
});
