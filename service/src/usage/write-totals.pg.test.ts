import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import { connectPostgres, openPostgres } from "../platform/postgres.ts";
import type { QuotaTotal, UsageTotal } from "./total-rows.ts";
import { OVERFLOW_USER } from "./usage-totals.ts";
import { beat } from "./usage-writers.pg.ts";
import { MAX_TOTALS, writeHarvest, writeQuotaTotals, writeUsageTotals } from "./write-totals.pg.ts";

const TIMEOUT_MS = 10_000;
/** Later than any day that can be folded while these tests are run. */
const OPEN_DAY = 20991122;
const CLOSED_DAY = 20200110;
const SUMS = "select user_id, incarnation, source, total::int, retracted::int from";

function usage(part: Partial<UsageTotal> = {}): UsageTotal {
  const sums = { total: 5, retracted: 0, ...part };
  const owner = { incarnation: "p.0", source: "STORE" as const };
  return { tenant: "acme", user: "kim", usageApi: "GET /v1/**", dayLabel: OPEN_DAY, ...owner, ...sums };
}

function quota(part: Partial<QuotaTotal> = {}): QuotaTotal {
  const counter = { tenant: "acme", scope: "TENANT" as const, api: null, user: null };
  const period = { window: "month" as const, label: 209911, generation: 7 };
  return { ...counter, ...period, incarnation: "p.0", source: "STORE", total: 5, retracted: 0, ...part };
}

describeWithPostgres("totals in PostgreSQL", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world() {
    const url = await server.migratedDatabase();
    const { pool, close } = openPostgres({ url, poolSize: 8 });
    const writeUsage = (rows: readonly UsageTotal[]) => writeUsageTotals(pool, rows, TIMEOUT_MS);
    const writeQuotas = (rows: readonly QuotaTotal[]) => writeQuotaTotals(pool, rows, TIMEOUT_MS);
    const harvest = (rows: readonly UsageTotal[]) =>
      writeHarvest(pool, { incarnation: "p.0", rows, silentForMs: 60_000 }, TIMEOUT_MS);
    const ask = (text: string) => run(url, text);
    return { url, pool, writeUsage, writeQuotas, harvest, ask, [Symbol.asyncDispose]: close };
  }
  /** Not heard of for an hour. */
  async function silent(pool: RebuildablePool, url: string) {
    await beat(pool, ["p.0"], TIMEOUT_MS);
    await run(url, "update usage_writers set flushed_at = now() - interval '1 hour'");
  }

  test("the greater sums win, each for itself, in any order and however often", async () => {
    await using w = await world();
    await w.writeUsage([usage({ total: 9, retracted: 1 })]);
    await w.writeUsage([usage({ total: 7, retracted: 4 }), usage({ total: 2 })]);
    await w.writeUsage([
      usage({ incarnation: "p.1", total: 3 }),
      usage({ source: "FALLBACK", total: 4, retracted: 4 }),
    ]);
    expect(await w.ask(`${SUMS} usage_rows order by 2, 3`)).toEqual([
      { user_id: "kim", incarnation: "p.0", source: "FALLBACK", total: 4, retracted: 4 },
      { user_id: "kim", incarnation: "p.0", source: "STORE", total: 9, retracted: 4 },
      { user_id: "kim", incarnation: "p.1", source: "STORE", total: 3, retracted: 0 },
    ]);
  });

  test("whatever the order and the chunks, the same rows stand there in the end", async () => {
    await using w = await world();
    const total = fc.record({
      user: fc.constantFrom("", "kim", OVERFLOW_USER),
      incarnation: fc.constantFrom("p.0", "q.0"),
      total: fc.integer({ min: 1, max: 1_000 }),
    });
    const tenants = fc.uuid();
    await fc.assert(
      fc.asyncProperty(tenants, fc.array(total, { minLength: 1, maxLength: 12 }), async (tenant, totals) => {
        const rows = totals.map((each) => usage({ ...each, tenant }));
        const half = Math.ceil(rows.length / 2);
        await Promise.all([w.writeUsage(rows.toReversed()), w.writeUsage(rows.slice(half))]);
        await w.writeUsage(rows.slice(0, half));
        const greatest = Map.groupBy(totals, ({ user, incarnation }) => `${user} ${incarnation}`);
        const expected = [...greatest.values()].reduce((sum, same) => sum + Math.max(...same.map((s) => s.total)), 0);
        const stored = await w.ask(`select sum(total)::int as total from usage_rows where tenant_id = '${tenant}'`);
        expect(stored).toEqual([{ total: expected }]);
      }),
      { seed: 83, numRuns: 30 },
    );
  });

  test("a harvest is written beside what its owner retracted, and again changes nothing", async () => {
    await using w = await world();
    await silent(w.pool, w.url);
    await w.writeUsage([usage({ total: 9, retracted: 4 })]);
    const sums = async () =>
      (await w.ask("select total::int, retracted::int from usage_rows order by user_id")).map(Object.values);
    await w.harvest([usage({ total: 3 })]);
    expect(await sums(), "less than the owner knew").toEqual([[9, 4]]);
    for (const _ of ["once", "twice"]) {
      await w.harvest([usage({ total: 8 }), usage({ user: "lee", total: 2 })]);
      expect(await sums()).toEqual([
        [12, 4],
        [2, 0],
      ]);
    }
  });

  test("nothing is harvested of a writer that was heard of, or is unknown; a beat and a harvest wait for each other", async () => {
    await using w = await world();
    const rows = () => w.ask("select user_id, total::int from usage_rows");
    await w.harvest([usage()]);
    await beat(w.pool, ["p.0"], TIMEOUT_MS);
    await w.harvest([usage()]);
    expect(await rows()).toEqual([]);
    await silent(w.pool, w.url);
    const client = await connectPostgres({ url: w.url });
    try {
      await client.query("begin");
      await client.query("update usage_writers set flushed_at = now(), ended = null");
      const harvested = w.harvest([usage()]);
      const waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
      await waitFor("the harvest waits", async () => (await w.ask(waiting)).length === 1);
      await client.query("commit");
      await harvested;
    } finally {
      await client.end();
    }
    expect(await rows()).toEqual([]);
    await silent(w.pool, w.url);
    await run(w.url, "update usage_writers set ended = 'HARVESTED'");
    await w.harvest([usage()]);
    expect(await rows(), "who was harvested before").toEqual([{ user_id: "kim", total: 5 }]);
  });

  test("many writers of the same rows in any order never lock each other out", async () => {
    await using w = await world();
    const rows = Array.from({ length: 200 }, (_, user) => usage({ user: `u${user}` }));
    const quotas = Array.from({ length: 200 }, (_, user) => quota({ scope: "TENANT_USER", user: `u${user}` }));
    const writer = async (number: number) => {
      const turned = <Row>(all: readonly Row[]) => (number % 2 === 0 ? all : all.toReversed());
      for (let total = 1; total <= 5; total += 1) {
        await w.writeUsage(turned(rows).map((row) => ({ ...row, total: total * 8 + number })));
        await w.writeQuotas(turned(quotas).map((row) => ({ ...row, total: total * 8 + number })));
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, number) => writer(number)));
    const sums = "count(*)::int as rows, min(total)::int as least, max(total)::int as most";
    expect(await w.ask(`select ${sums} from usage_rows`)).toEqual([{ rows: 200, least: 47, most: 47 }]);
    expect(await w.ask(`select ${sums} from quota_rows`)).toEqual([{ rows: 200, least: 47, most: 47 }]);
  });

  test("quotas are told apart by counter, window, period, generation and source, and lie in their period's month", async () => {
    await using w = await world();
    const perUser = { scope: "TENANT_USER_API" as const, api: "POST /v1/export", user: OVERFLOW_USER };
    await w.writeQuotas([
      quota(),
      quota({ generation: 8, total: 6 }),
      quota({ window: "quotaDay", label: 20991122, total: 7 }),
      quota({ ...perUser, total: 8 }),
      quota({ source: "FALLBACK", generation: 0, total: 9, retracted: 2 }),
    ]);
    await w.writeQuotas([quota({ total: 4 }), quota({ label: 209912, total: 10 })]);
    expect(
      await w.ask(
        `select quota_window || period_label as period, scope, user_id, generation::int, total::int, retracted::int,
          tableoid::regclass::text as part from quota_rows order by total`,
      ),
    ).toMatchObject([
      { period: "month209911", scope: "TENANT", generation: 7, total: 5, part: "quota_rows_209911" },
      { period: "month209911", scope: "TENANT", generation: 8, total: 6 },
      { period: "quotaDay20991122", total: 7, part: "quota_rows_209911" },
      { period: "month209911", scope: "TENANT_USER_API", user_id: OVERFLOW_USER, total: 8 },
      { period: "month209911", generation: 0, total: 9, retracted: 2 },
      { period: "month209912", total: 10, part: "quota_rows_209912" },
    ]);
  });

  test("of a folded day nothing enters the sums: it is told, and kept apart", async () => {
    await using w = await world();
    await w.ask(`update usage_folds set folded_through = ${CLOSED_DAY}`);
    const late = usage({ dayLabel: CLOSED_DAY, total: 6 });
    expect(await w.writeUsage([late, usage(), usage({ dayLabel: CLOSED_DAY + 1 })])).toEqual({ late: 1 });
    expect(await w.writeUsage([{ ...late, total: 4 }])).toEqual({ late: 1 });
    expect(await w.ask("select day_label from usage_rows order by 1")).toEqual([
      { day_label: CLOSED_DAY + 1 },
      { day_label: OPEN_DAY },
    ]);
    expect(await w.ask(`${SUMS} usage_late`)).toMatchObject([{ user_id: "kim", total: 6 }]);
  });

  test("rows that meet a fold under way wait for it; rows of the present day do not", async () => {
    await using w = await world();
    const fold = await connectPostgres({ url: w.url });
    await fold.query(`begin; update usage_folds set folded_through = ${CLOSED_DAY}`);
    expect(await w.writeUsage([usage()])).toEqual({ late: 0 });
    await expect(writeUsageTotals(w.pool, [usage({ dayLabel: CLOSED_DAY })], 100)).rejects.toThrow("timeout");
    const waiting = w.writeUsage([usage({ dayLabel: CLOSED_DAY })]);
    await fold.query("commit");
    expect(await waiting).toEqual({ late: 1 });
    await fold.end();
    expect(await w.ask(`select day_label from usage_rows`)).toEqual([{ day_label: OPEN_DAY }]);
  });

  test("nothing is nothing to write, and too much at once is refused", async () => {
    await using w = await world();
    expect(await w.writeUsage([])).toEqual({ late: 0 });
    await w.writeQuotas([]);
    await expect(w.writeUsage(Array.from({ length: MAX_TOTALS + 1 }, () => usage()))).rejects.toThrow("at most 500");
  });
});
