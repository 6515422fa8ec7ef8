import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { line } from "../limit-hits/limit-hit.world.ts";
import { addLimitHits } from "../limit-hits/limit-hit-write.pg.ts";
import { openPostgres } from "../platform/postgres.ts";
import { openMonths } from "./partitions.pg.ts";
import { MONTHLY_TABLES } from "./partitions.ts";
import { insertUsage, type UsageEntry } from "./usage.world.ts";
import { monthOf, periodText } from "./usage-period.ts";
import { readUsage } from "./usage-report.pg.ts";
import { GROUPINGS, type UsageKey, type UsageReport, type UsageReportRow } from "./usage-series.ts";
import type { UsageTables } from "./usage-tables.ts";

const ALL = { after: null, limit: 1_000 };
const NOVEMBER: UsageReport = {
  kind: "day",
  tenant: "acme",
  user: null,
  api: null,
  from: 20261129,
  to: 20261202,
  groupBy: "tenant",
};
const REPORT = "GET /v1/**";
const EXPORT = "POST /v1/export";

describeWithPostgres("usage reports", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world(entries: readonly UsageEntry[], denied: readonly Parameters<typeof line>[0][] = []) {
    const postgres = openPostgres<UsageTables>({ url: await server.migratedDatabase() });
    for (const table of MONTHLY_TABLES) {
      await openMonths(postgres.pool, table, [202610, 202611, 202612]);
    }
    if (entries.length > 0) await insertUsage(postgres.sql, entries);
    const lines = denied.map((part) => line({ minuteMs: startMs(part?.dayLabel ?? 20261130), ...part }));
    await addLimitHits(postgres.pool, { writer: "w", sequence: 1, lines }, 10_000);
    const read = (report: Partial<UsageReport>, page: { after: UsageKey | null; limit: number } = ALL) =>
      readUsage(postgres.sql, { ...NOVEMBER, ...report }, page);
    return { read, [Symbol.asyncDispose]: postgres.close };
  }

  const entry = (part: Partial<UsageEntry>): UsageEntry => {
    return { tenant: "acme", day: 20261130, user: "kim", api: REPORT, total: 1, ...part };
  };

  test("a day adds up incarnations, sources, users and APIs, and days without usage are zeros", async () => {
    await using w = await world(
      [
        entry({ total: 1 }),
        entry({ total: 10, incarnation: "q.0" }),
        entry({ total: 100, source: "FALLBACK" }),
        entry({ total: 1_000, api: EXPORT }),
        entry({ total: 10_000, user: "" }),
        entry({ total: 7, day: 20261201 }),
        entry({ total: 9, tenant: "globex" }),
        entry({ total: 9, day: 20261128 }),
      ],
      [
        { dayLabel: 20261130, hits: 3 },
        { dayLabel: 20261202, hits: 2 },
        { dayLabel: 20261202, tenant: "globex" },
      ],
    );
    const acme = { tenant: "acme", member: "" };
    expect(await w.read({})).toEqual([
      { period: 20261129, ...acme, total: 0, denied: 0 },
      { period: 20261130, ...acme, total: 11_111, denied: 3 },
      { period: 20261201, ...acme, total: 7, denied: 0 },
      { period: 20261202, ...acme, total: 0, denied: 2 },
    ]);
  });

  test("a report by user has those who were only refused, and the anonymous ones", async () => {
    await using w = await world(
      [entry({ total: 5 }), entry({ user: "", total: 2 })],
      [{ user: "lee", dayLabel: 20261130, hits: 4 }],
    );
    expect(await w.read({ kind: "month", from: 202611, to: 202612, groupBy: "user" })).toEqual([
      { period: 202611, tenant: "acme", member: "", total: 2, denied: 0 },
      { period: 202611, tenant: "acme", member: "kim", total: 5, denied: 0 },
      { period: 202611, tenant: "acme", member: "lee", total: 0, denied: 4 },
    ]);
    expect(await w.read({ user: "(anonymous)", from: 20261130, to: 20261130 })).toMatchObject([{ total: 2 }]);
  });

  test("a denied minute counts on its tenant's date, whatever the date of UTC", async () => {
    const auckland = { minuteMs: Date.parse("2026-11-30T11:30:00Z"), dayLabel: 20261201, hits: 6 };
    await using w = await world([], [auckland]);
    expect((await w.read({})).map(({ denied }) => denied)).toEqual([0, 0, 6, 0]);
  });

  test("a range that is empty or endless is refused", async () => {
    await using w = await world([]);
    await expect(w.read({ from: 20261202, to: 20261201 })).rejects.toMatchObject({ code: "OUT_OF_RANGE" });
    await expect(w.read({ from: 20200101, to: 20261201 })).rejects.toMatchObject({ code: "OUT_OF_RANGE" });
    await expect(w.read({ kind: "month", from: 200001, to: 202611 })).rejects.toMatchObject({ code: "OUT_OF_RANGE" });
  });

  test("whatever is asked, the answer is that of a plain sum, page by page", async () => {
    const someDay = fc.constantFrom(20261030, 20261031, 20261101, 20261115, 20261130, 20261201);
    const who = {
      tenant: fc.constantFrom("acme", "globex", "initech"),
      day: someDay,
      user: fc.constantFrom("", "kim", "lee"),
      api: fc.constantFrom(REPORT, EXPORT),
    };
    const used = fc.uniqueArray(fc.record({ ...who, total: fc.integer({ min: 1, max: 99 }) }), {
      minLength: 40,
      maxLength: 40,
      selector: ({ tenant, day, user, api }) => `${tenant} ${day} ${user} ${api}`,
    });
    const denied = fc.array(fc.record({ ...who, hits: fc.integer({ min: 1, max: 9 }) }), {
      minLength: 20,
      maxLength: 20,
    });
    const [entries = [], refusals = []] = fc.sample(fc.tuple(used, denied), { seed: 37, numRuns: 1 })[0] ?? [];
    await using w = await world(
      entries,
      // Each in a minute of its own, for the table folds what is alike.
      refusals.map(({ day, ...rest }, minute) => {
        return { ...rest, dayLabel: day, minuteMs: startMs(day) + minute * 60_000 };
      }),
    );
    const report = fc
      .record({
        kind: fc.constantFrom("day" as const, "month" as const),
        tenant: fc.option(who.tenant),
        user: fc.option(fc.constantFrom("(anonymous)", "kim")),
        api: fc.option(who.api),
        range: fc.tuple(someDay, someDay).map((days) => days.sort()),
        groupBy: fc.constantFrom(...GROUPINGS),
        limit: fc.integer({ min: 1, max: 7 }),
      })
      .map(({ range: [from = 0, to = 0], limit, kind, ...rest }) => {
        const range = kind === "day" ? { from, to } : { from: monthOf("day", from), to: monthOf("day", to) };
        return { limit, report: { kind, ...rest, ...range } };
      });
    await fc.assert(
      fc.asyncProperty(report, async ({ report, limit }) => {
        const expected = plainSum(report, entries, refusals);
        const paged: UsageReportRow[] = [];
        for (let after: UsageKey | null = null; ; after = paged.at(-1) ?? null) {
          const page: UsageReportRow[] = await w.read(report, { after, limit });
          expect(page.length).toBeLessThanOrEqual(limit);
          paged.push(...page);
          if (page.length < limit) break;
        }
        expect(paged.filter(({ total, denied }) => total + denied > 0)).toEqual(expected);
      }),
      { seed: 59, numRuns: 60 },
    );
  });
});

function startMs(day: number): number {
  return Date.parse(`${periodText("day", day)}T00:00:00Z`);
}

type Refusal = Readonly<{ tenant: string; day: number; user: string; api: string; hits: number }>;

/** The same answer by going through every row once. Only periods in which something happened. */
function plainSum(report: UsageReport, entries: readonly UsageEntry[], refusals: readonly Refusal[]): UsageReportRow[] {
  const rows = new Map<string, { -readonly [Field in keyof UsageReportRow]: UsageReportRow[Field] }>();
  const all = [
    ...entries.map((each) => ({ ...each, denied: 0 })),
    ...refusals.map((each) => ({ ...each, total: 0, denied: each.hits })),
  ];
  for (const { tenant, day, user, api, total, denied } of all) {
    const period = report.kind === "day" ? day : monthOf("day", day);
    if (period < report.from || period > report.to) continue;
    if (report.tenant !== null && report.tenant !== tenant) continue;
    if (report.user !== null && report.user !== (user === "" ? "(anonymous)" : user)) continue;
    if (report.api !== null && report.api !== api) continue;
    const member = { tenant: "", user, api }[report.groupBy];
    const key = `${period}\n${tenant}\n${member}`;
    const row = rows.get(key) ?? { period, tenant, member, total: 0, denied: 0 };
    row.total += total;
    row.denied += denied;
    rows.set(key, row);
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}
