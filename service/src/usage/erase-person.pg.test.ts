import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { line, NOON_MS } from "../limit-hits/limit-hit.world.ts";
import type { LimitHitTables } from "../limit-hits/limit-hit-tables.ts";
import { addLimitHits } from "../limit-hits/limit-hit-write.pg.ts";
import { openPostgres } from "../platform/postgres.ts";
import { erasePerson } from "./erase-person.pg.ts";
import { foldDay } from "./fold-day.pg.ts";
import { openMonths } from "./partitions.pg.ts";
import { MONTHLY_TABLES } from "./partitions.ts";
import { insertUsage } from "./usage.world.ts";
import { readUsage } from "./usage-report.pg.ts";
import type { UsageReport } from "./usage-series.ts";
import type { UsageTables } from "./usage-tables.ts";
import { writeQuotaTotals, writeUsageTotals } from "./write-totals.pg.ts";

describeWithPostgres("erasing a person", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world() {
    const url = await server.migratedDatabase();
    const postgres = openPostgres<UsageTables & LimitHitTables>({ url });
    for (const table of MONTHLY_TABLES) await openMonths(postgres.pool, table, [202611, 202612]);
    const day = 20261122;
    await insertUsage(postgres.sql, [
      { tenant: "acme", day, user: "kim", api: "GET /a", total: 1 },
      { tenant: "acme", day, user: "kim", api: "GET /a", total: 2, incarnation: "q.0" },
      { tenant: "acme", day, user: "kim", api: "GET /a", total: 4, source: "FALLBACK" },
      { tenant: "acme", day: 20261201, user: "kim", api: "GET /b", total: 8 },
      { tenant: "acme", day, user: "lee", api: "GET /a", total: 16 },
      { tenant: "globex", day, user: "kim", api: "GET /a", total: 32 },
    ]);
    const lines = [
      line({ user: "kim", hits: 2, firstMs: NOON_MS + 5, lastMs: NOON_MS + 6 }),
      line({ user: "lee", hits: 3, firstMs: NOON_MS + 1, lastMs: NOON_MS + 2 }),
      line({ user: "kim", tenant: "globex", hits: 7 }),
    ];
    await addLimitHits(postgres.pool, { writer: "w", sequence: 1, lines }, 10_000);
    const erase = (tenant: string, user: string) =>
      postgres.sql.transaction().execute((transaction) => erasePerson(transaction, tenant, user));
    const totals = async (report: Partial<UsageReport>) => {
      const asked = {
        kind: "month",
        tenant: "acme",
        user: null,
        api: null,
        from: 202611,
        to: 202612,
        groupBy: "tenant",
      };
      const page = { after: null, limit: 100 };
      const rows = await readUsage(postgres.sql, { ...asked, ...report } as UsageReport, page);
      return rows.map(({ member, total, denied }) => [member, total, denied]);
    };
    return { url, pool: postgres.pool, erase, totals, [Symbol.asyncDispose]: postgres.close };
  }

  test("leaves every total as it was and no trace of the name", async () => {
    await using w = await world();
    const before = [await w.totals({}), await w.totals({ groupBy: "api" })];
    expect(await w.erase("acme", "kim")).toEqual({ usageRows: 4, limitHits: 1 });
    expect([await w.totals({}), await w.totals({ groupBy: "api" })]).toEqual(before);
    expect(await w.totals({ groupBy: "user", to: 202611 })).toEqual([
      ["\u0001erased", 7, 2],
      ["lee", 16, 3],
    ]);
    for (const table of MONTHLY_TABLES) {
      const named = `select from ${table} t where tenant_id = 'acme' and t::text like '%kim%'`;
      expect(await run(w.url, named)).toEqual([]);
    }
    expect(await w.totals({ tenant: "globex" })).toEqual([
      ["", 32, 7],
      ["", 0, 0],
    ]);
  });

  test("what a restore would need of the person goes, and what came late; quotas of the tenant stay", async () => {
    await using w = await world();
    const quota = { tenant: "acme", api: null, window: "month", label: 202611, generation: 1 } as const;
    const owned = { incarnation: "p.0", source: "STORE", total: 9, retracted: 0 } as const;
    await writeQuotaTotals(
      w.pool,
      [
        { ...quota, ...owned, scope: "TENANT", user: null },
        { ...quota, ...owned, scope: "TENANT_USER", user: "kim" },
        { ...quota, ...owned, scope: "TENANT_USER", user: "lee" },
      ],
      10_000,
    );
    await run(w.url, "update usage_folds set folded_through = 20200110");
    const late = { tenant: "acme", user: "kim", usageApi: "GET /a", dayLabel: 20200110 };
    expect(await writeUsageTotals(w.pool, [{ ...late, ...owned }], 10_000)).toEqual({ late: 1 });
    await run(
      w.url,
      `insert into quota_adjustments (id, tenant_id, scope, api, user_id, quota_window, period_label, amount, reason)
       select user_id, 'acme', 'TENANT_USER', '', user_id, 'month', 202611, -5, 'a gift' from unnest('{kim,lee}'::text[]) as user_id`,
    );
    await w.erase("acme", "kim");
    expect(await run(w.url, "select user_id from quota_adjustments order by id")).toEqual([
      { user_id: "\u0001erased" },
      { user_id: "lee" },
    ]);
    expect(await run(w.url, "select scope, user_id from quota_rows order by 1")).toEqual([
      { scope: "TENANT", user_id: "" },
      { scope: "TENANT_USER", user_id: "lee" },
    ]);
    expect(await run(w.url, "select from usage_late")).toEqual([]);
  });

  test("a person of folded days is erased like one of open days, and no sum moves", async () => {
    await using w = await world();
    const wanted = { groupBy: "user", to: 202611 } as const;
    for (const day of [20261121, 20261122]) expect(await foldDay(w.pool, day)).toBe("folded");
    const before = await w.totals({});
    await w.erase("acme", "kim");
    expect(await w.totals({})).toEqual(before);
    expect(await w.totals(wanted)).toEqual([
      ["\u0001erased", 7, 2],
      ["lee", 16, 3],
    ]);
    await w.erase("acme", "lee");
    expect([await w.totals(wanted), await w.totals({})]).toEqual([[["\u0001erased", 23, 5]], before]);
  });

  test("again it finds nothing, and the next person joins the first", async () => {
    await using w = await world();
    await w.erase("acme", "kim");
    expect(await w.erase("acme", "kim")).toEqual({ usageRows: 0, limitHits: 0 });
    await w.erase("acme", "lee");
    expect(await w.totals({ groupBy: "user", to: 202611 })).toEqual([["\u0001erased", 23, 5]]);
    expect(await run(w.url, "select hits::int, first_at, last_at from limit_hits where tenant_id = 'acme'")).toEqual([
      { hits: 5, first_at: new Date(NOON_MS + 1), last_at: new Date(NOON_MS + 6) },
    ]);
  });
});
