import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { line } from "../limit-hits/limit-hit.world.ts";
import type { LimitHitTables } from "../limit-hits/limit-hit-tables.ts";
import { addLimitHits } from "../limit-hits/limit-hit-write.pg.ts";
import { connectPostgres, openPostgres } from "../platform/postgres.ts";
import { erasePerson } from "./erase-person.pg.ts";
import { foldClosedDays } from "./fold.job.ts";
import { foldDay } from "./fold-day.pg.ts";
import { openMonths } from "./partitions.pg.ts";
import { MONTHLY_TABLES } from "./partitions.ts";
import type { UsageTotal } from "./total-rows.ts";
import { insertUsage, type UsageEntry } from "./usage.world.ts";
import { monthOf, periodText } from "./usage-period.ts";
import { readUsage } from "./usage-report.pg.ts";
import { GROUPINGS, type UsageKey, type UsageReport, type UsageReportRow } from "./usage-series.ts";
import type { UsageTables } from "./usage-tables.ts";
import { closeWriters } from "./usage-writers.pg.ts";
import { writeUsageTotals } from "./write-totals.pg.ts";

const TIMEOUT_MS = 10_000;
/** Closed long ago, across the end of a month. */
const DAYS = [20200130, 20200131, 20200201, 20200202];
const [FIRST = 0] = DAYS;
const ROWS = "select incarnation, source, user_id as user, total::int, retracted::int from usage_rows";
/** Who waits for a fold, whatever for: the row of usage_folds or rows of the day. */
const WAITING = "select from pg_locks where not granted and locktype = 'transactionid'";

describeWithPostgres("folding days", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world(entries: readonly UsageEntry[] = []) {
    const url = await server.migratedDatabase();
    const { pool, sql, close } = openPostgres<UsageTables & LimitHitTables>({ url, poolSize: 12 });
    for (const table of MONTHLY_TABLES) await openMonths(pool, table, [202001, 202002]);
    if (entries.length > 0) await insertUsage(sql, entries);
    const ask = (text: string) => run(url, text);
    const sums = async () => (await ask("select sum(used)::int as used from tenant_days"))[0]?.used;
    return { url, pool, sql, ask, sums, fold: (day: number) => foldDay(pool, day), [Symbol.asyncDispose]: close };
  }

  const entry = (part: Partial<UsageEntry> = {}): UsageEntry => {
    return { tenant: "acme", day: FIRST, user: "kim", api: "GET /a", total: 1, ...part };
  };
  const late = (part: Partial<UsageTotal> = {}): UsageTotal => {
    const row = { tenant: "acme", user: "kim", usageApi: "GET /a", dayLabel: FIRST };
    return { ...row, incarnation: "p.0", source: "STORE", total: 1, retracted: 0, ...part };
  };

  test("all incarnations become one final row of each user, API and source, and other days stay as they are", async () => {
    await using w = await world([
      entry({ total: 1 }),
      entry({ total: 10, incarnation: "q.0" }),
      entry({ total: 100, retracted: 40, source: "FALLBACK" }),
      entry({ total: 200, retracted: 3, source: "FALLBACK", incarnation: "q.0" }),
      entry({ total: 1_000, user: "lee" }),
      entry({ total: 5, day: FIRST + 1 }),
    ]);
    expect(await w.fold(FIRST)).toBe("folded");
    expect(await w.ask(`${ROWS} order by total`)).toEqual([
      { incarnation: "p.0", source: "STORE", user: "kim", total: 5, retracted: 0 },
      { incarnation: "final", source: "STORE", user: "kim", total: 11, retracted: 0 },
      { incarnation: "final", source: "FALLBACK", user: "kim", total: 300, retracted: 43 },
      { incarnation: "final", source: "STORE", user: "lee", total: 1_000, retracted: 0 },
    ]);
    expect(await w.ask("select tenant_id, day_label, used::int, denied::int from tenant_days")).toEqual([
      { tenant_id: "acme", day_label: FIRST, used: 1_268, denied: 0 },
    ]);
  });

  test("every report says the same however much is folded", async () => {
    const who = {
      tenant: fc.constantFrom("acme", "globex", "initech"),
      day: fc.constantFrom(...DAYS),
      user: fc.constantFrom("", "kim", "lee"),
      api: fc.constantFrom("GET /a", "GET /b"),
    };
    const owner = { incarnation: fc.constantFrom("p.0", "q.0"), source: fc.constantFrom("STORE", "FALLBACK") };
    const used = fc.record({ ...who, ...owner, total: fc.nat(99), retracted: fc.nat(99) }).map((row) => {
      return { ...row, retracted: row.source === "STORE" ? 0 : Math.min(row.retracted, row.total) } as UsageEntry;
    });
    const keyOf = ({ tenant, day, user, api, incarnation, source }: UsageEntry) =>
      [tenant, day, user, api, incarnation, source].join();
    const report = fc
      .record({
        kind: fc.constantFrom("day" as const, "month" as const),
        tenant: fc.option(who.tenant),
        user: fc.option(fc.constantFrom("(anonymous)", "kim"), { freq: 2 }),
        api: fc.option(who.api, { freq: 2 }),
        range: fc.tuple(who.day, who.day).map((days) => days.sort()),
        groupBy: fc.constantFrom(...GROUPINGS),
        limit: fc.integer({ min: 1, max: 5 }),
      })
      .map(({ range: [from = 0, to = 0], limit, kind, ...rest }) => {
        const range = kind === "day" ? { from, to } : { from: monthOf("day", from), to: monthOf("day", to) };
        return { limit, report: { kind, ...rest, ...range } };
      });
    const many = { minLength: 80, maxLength: 80 };
    const refused = fc.array(fc.record({ ...who, hits: fc.integer({ min: 1, max: 9 }) }), many);
    const all = fc.tuple(fc.uniqueArray(used, { ...many, selector: keyOf }), refused, fc.array(report, many));
    const [entries = [], refusals = [], reports = []] = fc.sample(all, { seed: 41, numRuns: 1 })[0] ?? [];
    await using w = await world(entries);
    const lines = refusals.map(({ day, ...rest }, minute) => {
      const midnightMs = Date.parse(`${periodText("day", day)}T00:00:00Z`);
      return line({ ...rest, dayLabel: day, minuteMs: midnightMs + minute * 60_000 });
    });
    await addLimitHits(w.pool, { writer: "w", sequence: 1, lines }, TIMEOUT_MS);
    const answers = () => Promise.all(reports.map((each) => allPages(w, each)));
    const unfolded = await answers();
    expect(unfolded.flat().length).toBeGreaterThan(200);
    for (const day of DAYS) {
      expect(await w.fold(day)).toBe("folded");
      expect(await answers()).toEqual(unfolded);
    }
  });

  type Asked = Readonly<{ report: UsageReport; limit: number }>;

  async function allPages(w: { sql: Parameters<typeof readUsage>[0] }, { report, limit }: Asked) {
    const rows: UsageReportRow[] = [];
    for (let after: UsageKey | null = null; ; after = rows.at(-1) ?? null) {
      const page: UsageReportRow[] = await readUsage(w.sql, report, { after, limit });
      rows.push(...page);
      if (page.length < limit) return rows;
    }
  }

  test("a day waits for every writer that was alive in it to write past its end everywhere, or to end", async () => {
    await using w = await world([entry()]);
    // 20200130 ends at noon of the 31st of UTC in the last zone, and is closed a day later.
    await w.ask("insert into usage_writers values ('a.0', '2020-02-01T11:59:59Z'), ('b.0', '2020-02-01T12:00:00Z')");
    expect(await w.fold(FIRST)).toBe("waits");
    expect(await w.sums()).toBe(null);
    const history = await closeWriters(w.pool, [], null, TIMEOUT_MS);
    await closeWriters(w.pool, ["a.0"], history, TIMEOUT_MS);
    expect(await w.fold(FIRST)).toBe("folded");
    expect(await w.fold(FIRST + 1)).toBe("waits");
  });

  test("of many instances one folds a day, once", async () => {
    await using w = await world([entry({ total: 4 })]);
    const folded = await Promise.all(Array.from({ length: 8 }, () => w.fold(FIRST)));
    expect(folded.toSorted()).toEqual(["folded", ...Array(7).fill("passed")]);
    expect(await w.fold(FIRST)).toBe("passed");
    expect(await w.sums()).toBe(4);
  });

  type World = Awaited<ReturnType<typeof world>>;

  /** A fold of the first day that stands still between its two halves until it is let go. */
  async function foldHalfway(w: World) {
    const brake = await connectPostgres({ url: w.url });
    await brake.query("begin; lock table tenant_days in share mode");
    const folding = w.fold(FIRST);
    const halfway = "select from pg_locks where not granted and relation = 'tenant_days'::regclass";
    await waitFor("the fold to be halfway", async () => (await w.ask(halfway)).length === 1);
    return async () => {
      await brake.query("commit");
      await brake.end();
      expect(await folding).toBe("folded");
    };
  }

  test("a row that comes while its day is folded is late, and in no sum", async () => {
    await using w = await world([entry({ total: 4 })]);
    const letGo = await foldHalfway(w);
    const written = writeUsageTotals(w.pool, [late({ total: 9 }), late({ user: "lee" })], TIMEOUT_MS);
    await waitFor("the writer to wait", async () => (await w.ask(WAITING)).length === 1);
    await letGo();
    expect(await written).toEqual({ late: 2 });
    expect([await w.sums(), await w.ask(ROWS)]).toMatchObject([4, [{ incarnation: "final", total: 4 }]]);
  });

  test("of rows written by many while days are folded each is in the sums or late, never lost and never both", async () => {
    await using w = await world();
    const numbers = Array.from({ length: 10 }, (_, number) => number);
    const writer = async (number: number) => {
      for (const day of DAYS) {
        const rows = numbers.map((user) => late({ user: `u${user}`, incarnation: `w${number}`, dayLabel: day }));
        await writeUsageTotals(w.pool, rows, TIMEOUT_MS);
      }
    };
    const folder = async () => {
      for (const day of DAYS) expect(await w.fold(day)).toBe("folded");
    };
    await Promise.all([...numbers.map(writer), folder()]);
    const [counted] = await w.ask(`select (select sum(used)::int from tenant_days) as used,
      (select sum(total)::int from usage_rows) as total, (select coalesce(sum(total), 0)::int from usage_late) as late`);
    expect(counted?.used).toEqual(counted?.total);
    expect(Number(counted?.total) + Number(counted?.late)).toBe(10 * 10 * DAYS.length);
  });

  test("refusals that come late are in the sums of the day, whether or not anything was there", async () => {
    await using w = await world([entry({ total: 4 })]);
    expect(await w.fold(FIRST)).toBe("folded");
    const minuteMs = Date.parse("2020-01-30T10:00:00Z");
    const lines = [
      line({ dayLabel: FIRST, minuteMs, hits: 3 }),
      line({ dayLabel: FIRST, minuteMs, tenant: "globex", hits: 2 }),
      line({ dayLabel: FIRST + 1, minuteMs, hits: 9 }),
    ];
    await addLimitHits(w.pool, { writer: "w", sequence: 1, lines }, TIMEOUT_MS);
    expect(await w.ask("select tenant_id, used::int, denied::int from tenant_days order by 1")).toEqual([
      { tenant_id: "acme", used: 4, denied: 3 },
      { tenant_id: "globex", used: 0, denied: 2 },
    ]);
    expect(await w.fold(FIRST + 1)).toBe("folded");
    expect(await w.ask("select sum(denied)::int as denied from tenant_days")).toEqual([{ denied: 14 }]);
  });

  test("a person who is erased while a day is folded leaves no name behind, and no sum moves", async () => {
    await using w = await world([entry({ total: 3 }), entry({ total: 4, incarnation: "q.0" })]);
    const letGo = await foldHalfway(w);
    const erased = w.sql.transaction().execute((transaction) => erasePerson(transaction, "acme", "kim"));
    await waitFor("the erasure to wait", async () => (await w.ask(WAITING)).length === 1);
    await letGo();
    expect(await erased).toMatchObject({ usageRows: 1 });
    expect(await w.ask(ROWS)).toMatchObject([{ user: "\u0001erased", total: 7 }]);
    expect(await w.sums()).toBe(7);
  });

  test("the folder folds closed days in order, from the first one with rows, and leaves open ones", async () => {
    const today = Number(new Date().toISOString().slice(0, 10).replaceAll("-", ""));
    await using w = await world([entry({ total: 1 }), entry({ day: FIRST + 1, total: 2 })]);
    await writeUsageTotals(w.pool, [late({ dayLabel: today })], TIMEOUT_MS);
    const folded: number[] = [];
    const faults: unknown[] = [];
    await w.ask("alter function first_open_day rename to hidden");
    const folder = foldClosedDays({
      pool: w.pool,
      everyMs: 5,
      after: Promise.resolve(),
      onFolded: (day) => folded.push(day),
      onFault: (fault) => faults.push(fault),
    });
    await waitFor("the fault to be told", () => faults.length === 1);
    await w.ask("alter function hidden rename to first_open_day");
    await waitFor("a year to be folded", () => folded.length > 366, 30_000);
    await folder.close();
    expect(folded.slice(0, 4)).toEqual(DAYS);
    expect(folded).toContain(20200229);
    expect(folded).toContain(20201231);
    expect(faults).toMatchObject([{ code: "42883" }]);
    expect(await w.ask(`${ROWS} where day_label = ${today}`)).toMatchObject([{ incarnation: "p.0" }]);
    expect(await w.sums()).toBe(3);
  });

  test("no day is folded at the first look: a process may not have registered yet", async () => {
    await using w = await world([entry()]);
    await w.ask("insert into usage_writers values ('ended.0', '2020-01-01T00:00:00Z', 'CLOSED')");
    const folder = foldClosedDays({
      pool: w.pool,
      everyMs: 3_600_000,
      after: Promise.resolve(),
      onFolded: () => expect.unreachable("it was the first look"),
      onFault: (fault) => expect.unreachable(String(fault)),
    });
    await waitFor("the end of the first look", async () => (await w.ask("select from usage_writers")).length === 0);
    await folder.close();
    expect(await w.sums()).toBe(null);
  });
});
