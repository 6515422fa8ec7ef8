import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { openPostgres } from "../platform/postgres.ts";
import { openMonths } from "./partitions.pg.ts";
import type { AskedPeriod } from "./quota-sum.ts";
import { PAGE_COUNTERS, type PageEnd, readQuotaSums } from "./quota-sums.pg.ts";
import type { QuotaTotal } from "./total-rows.ts";
import { writeQuotaTotals } from "./write-totals.pg.ts";

const MONTH = { window: "month", label: 202611, dayLabel: 20261101 } as const;
const DAY = { window: "quotaDay", label: 20261122, dayLabel: 20261122 } as const;
const acme = (period: typeof MONTH | typeof DAY, generation = 2): AskedPeriod => ({
  ...{ tenant: "acme", generation },
  ...period,
});

function row(part: Partial<QuotaTotal>): QuotaTotal {
  const counter = { tenant: "acme", scope: "TENANT", api: null, user: null, window: "month", label: 202611 } as const;
  return { ...counter, incarnation: "p.0", source: "STORE", generation: 1, total: 0, retracted: 0, ...part };
}

describeWithPostgres("sums of quotas", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world() {
    const url = await server.migratedDatabase();
    const { pool, close } = openPostgres({ url });
    const ask = async (text: string, values: unknown[]) => (await pool.query(text, values)).rows;
    /** As a former release writes it. */
    const adjusted = (scope: string, user: string, window: string, label: number, amount: number) =>
      run(
        url,
        `insert into quota_adjustments (id, tenant_id, scope, api, user_id, quota_window, period_label, amount, reason)
        values (gen_random_uuid(), 'acme', $1, '', $2, $3, $4, $5, 'a test')`,
        [scope, user, window, label, amount],
      );
    const cut = (amount: number, offSince: number, generation: number) =>
      run(
        url,
        `insert into quota_adjustments
          (id, tenant_id, scope, api, user_id, quota_window, period_label, amount, generation, off_since, reason)
        values (gen_random_uuid(), 'acme', 'TENANT', '', '', 'month', 202611, $1, $2, $3, 'a test')`,
        [-amount, generation, offSince],
      );
    const write = (rows: readonly QuotaTotal[]) => writeQuotaTotals(pool, rows, 10_000);
    return { url, pool, ask, write, adjusted, cut, [Symbol.asyncDispose]: close };
  }

  test("are of all processes, sources and generations; the present one apart; adjustments count in both", async () => {
    await using w = await world();
    await w.write([
      row({ total: 10 }),
      row({ total: 20, incarnation: "q.0" }),
      row({ total: 40, generation: 2 }),
      row({ total: 9, retracted: 4, source: "FALLBACK", generation: 0 }),
      row({ total: 3, window: "quotaDay", label: 20261122 }),
      row({ total: 500, label: 202610 }),
      row({ total: 600, tenant: "other" }),
    ]);
    await w.adjusted("TENANT", "", "month", 202611, -12);
    await w.adjusted("TENANT", "", "month", 202610, -1);
    await w.adjusted("TENANT", "", "quotaDay", 20261122, 2);
    const { sums, end } = await readQuotaSums(w.ask, [acme(MONTH), acme(DAY)]);
    expect(end).toBeNull();
    const figures = sums.map(({ asked, atLeast, usedAtLeast }) => [asked.window, atLeast, usedAtLeast]);
    expect(figures).toEqual([
      ["month", 35 - 12, 75 - 12],
      ["quotaDay", 5, 5],
    ]);
  });

  test("leave what a cut took off the present generation with that one, and count it as another's under the next", async () => {
    await using w = await world();
    await w.write([row({ total: 50 }), row({ total: 40, generation: 2 })]);
    await w.cut(30, 30, 2);
    await w.cut(25, 10, 2);
    await w.cut(4, 4, 1);
    await w.adjusted("TENANT", "", "month", 202611, 6);
    const sumsUnder = async (generation: number) => {
      const { sums } = await readQuotaSums(w.ask, [acme(MONTH, generation)]);
      return sums.map(({ atLeast, usedAtLeast }) => [atLeast, usedAtLeast]);
    };
    const all = 90 - 30 - 25 - 4 + 6;
    // The base of the present one: what others used, without the 15 that came off it.
    expect(await sumsUnder(2)).toEqual([[50 - 15 - 4 + 6, all]]);
    expect(await sumsUnder(3)).toEqual([[all, all]]);
    expect(await sumsUnder(1)).toEqual([[40 - 30 - 25 + 6, all]]);
  });

  test("have a counter each, named as the counters name it; one that was only adjusted too", async () => {
    await using w = await world();
    await w.write([
      row({ total: 1 }),
      row({ total: 2, scope: "TENANT_API", api: "GET /a" }),
      row({ total: 3, scope: "TENANT_USER", user: "" }),
      row({ total: 4, scope: "TENANT_USER", user: "김\u0001" }),
      row({ total: 5, scope: "TENANT_USER_API", api: "GET /a", user: "kim" }),
    ]);
    await w.adjusted("TENANT_USER", "lee", "month", 202611, 6);
    await w.adjusted("TENANT_USER", "kim", "month", 202611, -7);
    const { sums } = await readQuotaSums(w.ask, [acme(MONTH)]);
    const named = sums.map(({ scope, api, user, atLeast }) => [atLeast, scope, api, user]);
    expect(named.toSorted(([a], [b]) => Number(a) - Number(b))).toEqual([
      [-7, "TENANT_USER", null, "kim"],
      [1, "TENANT", null, null],
      [2, "TENANT_API", "GET /a", null],
      [3, "TENANT_USER", null, ""],
      [4, "TENANT_USER", null, "김\u0001"],
      [5, "TENANT_USER_API", "GET /a", "kim"],
      [6, "TENANT_USER", null, "lee"],
    ]);
    const only = async (user: string) => {
      const page = await readQuotaSums(w.ask, [acme(MONTH)], null, { scope: "TENANT_USER", api: null, user });
      return page.sums.map(({ atLeast }) => atLeast);
    };
    expect([await only("김\u0001"), await only("lee"), await only("nobody")]).toEqual([[4], [6], []]);
  });

  test("a tenant of many counters comes in pages, whose sums are whole, and those behind it follow", async () => {
    await using w = await world();
    const users = 2.5 * PAGE_COUNTERS;
    await openMonths(w.pool, "quota_rows", [202611]);
    await run(
      w.url,
      `insert into quota_rows
        (tenant_id, day_label, quota_window, scope, api, user_id, source, incarnation, generation, total)
      select 'big', 20261101, 'month', 'TENANT_USER', '', 'u' || n / 3, 'STORE', 'p.' || n % 3, n % 3, n / 3 + 1
      from generate_series(0, 3 * $1::integer - 1) n`,
      [users],
    );
    await w.write([row({ total: 7 })]);
    const asked = [{ ...acme(MONTH), tenant: "big" }, acme(DAY), acme(MONTH)];
    const found = new Map<string, number>();
    let pages = 0;
    for (let end: PageEnd | null = null; pages === 0 || end !== null; pages += 1) {
      const page = await readQuotaSums(w.ask, asked, end);
      for (const sum of page.sums) found.set(`${sum.asked.tenant} ${sum.user}`, sum.usedAtLeast);
      end = page.end;
    }
    expect(pages).toBe(3);
    expect(found.size).toBe(users + 1);
    expect(found.get("acme null")).toBe(7);
    for (let n = 0; n < users; n += 1) expect(found.get(`big u${n}`)).toBe(3 * (n + 1));
  });

  test("a sum beyond what counters hold is the most they hold", async () => {
    await using w = await world();
    const most = 9 * 10 ** 15;
    await w.write([row({ total: most }), row({ total: most, incarnation: "q.0" })]);
    const { sums } = await readQuotaSums(w.ask, [acme(MONTH)]);
    expect(sums).toMatchObject([{ atLeast: most, usedAtLeast: most }]);
  });
});
