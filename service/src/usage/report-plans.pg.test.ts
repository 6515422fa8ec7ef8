// A million usage rows and a million limit hits, folded but for the last days: which plans the reports get, and how long
// they take.
// The plans are committed beside (plans.golden, of PostgreSQL 15) and compared; times are told, not judged.
import { Kysely, PostgresDialect } from "kysely";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { type LimitHitFilter, type LimitHitKey, listLimitHits } from "../limit-hits/limit-hit-list.pg.ts";
import type { LimitHitTables } from "../limit-hits/limit-hit-tables.ts";
import { openPostgres, type Postgres } from "../platform/postgres.ts";
import { openMonths } from "./partitions.pg.ts";
import { MONTHLY_TABLES } from "./partitions.ts";
import { readUsage } from "./usage-report.pg.ts";
import type { UsageKey, UsageReport } from "./usage-series.ts";
import type { UsageTables } from "./usage-tables.ts";

type Tables = UsageTables & LimitHitTables;

const MONTHS = [202608, 202609, 202610, 202611];
const FIRST_DAY = 20260810;
/** The days after it are open. */
const FOLDED_THROUGH = 20261114;
const ROUNDS = 20;
const PAGE = 201;
/** ANALYZE reads 300 rows for each: more than the largest month has. */
const STATISTICS_TARGET = 1_100;
/** The version whose plans are committed. */
const GOLDEN_VERSION = 15;

/**
 * 100 days of 10 000 rows in the order in which days come, within a day in no order: 25 users × 20 APIs of one big tenant,
 * which the reports ask for, and 4 users × 5 APIs of each of 475 others.
 */
const LOAD_USAGE = `
  insert into usage_rows (tenant_id, day_label, user_id, api, incarnation, source, total)
  select case when k < 500 then 'big' else 't' || k / 20 end,
    to_char(date '2026-08-10' + n / 10000, 'YYYYMMDD')::integer,
    'u' || case when k < 500 then k / 20 else k % 4 end, 'GET /v1/api-' || case when k < 500 then k % 20 else k / 4 % 5 end,
    'p.0', 'STORE', n
  from generate_series(0, 999999) n, lateral (select n % 10000 * 7919 % 10000 as k) shuffled`;
/** One every 8.64 s, each twentieth of the big tenant. */
const LOAD_HITS = `
  insert into limit_hits (tenant_id, minute_at, day_label, user_id, api, reason, limit_window, policy_id, scope,
    hits, cost, first_at, last_at)
  select case when n % 20 = 0 then 'big' else 't' || n % 475 end, date_trunc('minute', at),
    to_char(at at time zone 'UTC', 'YYYYMMDD')::integer, 'u' || n / 20 % 25, 'GET /v1/api-' || n / 20 % 5,
    'RATE_LIMIT_EXCEEDED', 'minute', 'plan:FREE', 'TENANT', 3, 3, at, at
  from generate_series(0, 999999) n, lateral (select timestamptz '2026-08-10Z' + n * interval '8.64 s' as at) moment`;
const LOAD_DENIED = `
  insert into denied_rows (tenant_id, day_label, user_id, api, denied)
  select tenant_id, day_label, user_id, api, sum(hits)::bigint from limit_hits group by 1, 2, 3, 4 order by 2, 1`;

/** What folding each of these days leaves behind: every row has only one incarnation here. */
const FOLD_AT_ONCE = [
  `insert into tenant_days (tenant_id, day_label, used, denied)
    select tenant_id, day_label, sum(used)::bigint, sum(denied)::bigint
    from (
      select tenant_id, day_label, total - retracted as used, 0 as denied from usage_rows
      union all
      select tenant_id, day_label, 0 as used, denied from denied_rows
    ) as parts
    where day_label <= ${FOLDED_THROUGH} group by 1, 2 order by 2, 1`,
  `update usage_folds set folded_through = ${FOLDED_THROUGH}`,
];

const DAILY: UsageReport = {
  kind: "day",
  tenant: "big",
  user: null,
  api: null,
  from: 20261001,
  to: 20261031,
  groupBy: "tenant",
};
const MONTHLY: UsageReport = { ...DAILY, kind: "month", from: 202610, to: 202610 };
const HITS: LimitHitFilter = { tenants: ["big"], user: null, api: null, reason: null, fromMs: null, toMs: null };
const TWO_DAYS = { fromMs: Date.parse("2026-10-05Z"), toMs: Date.parse("2026-10-07Z") };

const usage = (report: Partial<UsageReport>, base: UsageReport = DAILY, after: UsageKey | null = null) => {
  return (db: Kysely<Tables>) => readUsage(db, { ...base, ...report }, { after, limit: PAGE });
};
const hits = (filter: Partial<LimitHitFilter>, after: LimitHitKey | null = null) => {
  return (db: Kysely<Tables>) => listLimitHits(db, { ...HITS, ...filter }, { after, limit: PAGE });
};
const REPORTS: Readonly<Record<string, (db: Kysely<Tables>) => Promise<unknown[]>>> = {
  "daily-of-a-tenant": usage({}),
  "daily-of-a-tenant-over-four-months": usage({ from: FIRST_DAY, to: 20261117 }),
  "daily-by-user": usage({ groupBy: "user" }),
  "daily-by-user-second-page": usage({ groupBy: "user" }, DAILY, { period: 20261014, tenant: "big", member: "u17" }),
  "daily-by-api": usage({ groupBy: "api" }),
  "daily-of-a-user": usage({ user: "u3" }),
  "daily-of-an-api": usage({ api: "GET /v1/api-3" }),
  "daily-of-all-tenants": usage({ tenant: null }),
  "monthly-of-a-tenant": usage({}, MONTHLY),
  "monthly-by-user": usage({ groupBy: "user" }, MONTHLY),
  "monthly-by-api": usage({ groupBy: "api" }, MONTHLY),
  "monthly-of-all-tenants": usage({ tenant: null }, MONTHLY),
  "monthly-of-all-tenants-partly-folded": usage({ tenant: null, from: 202611, to: 202611 }, MONTHLY),
  "limit-hits-of-all-tenants": hits({ tenants: null }),
  "limit-hits-of-a-tenant": hits({}),
  "limit-hits-of-a-tenant-second-page": hits(
    {},
    { minuteMs: TWO_DAYS.fromMs, tenant: "big", line: `${"7".repeat(32)}` },
  ),
  "limit-hits-of-three-tenants-in-two-days": hits({ tenants: ["t1", "t2", "t3"], ...TWO_DAYS }),
  "limit-hits-of-a-user-in-a-month": hits({
    user: "u3",
    fromMs: Date.parse("2026-10-01Z"),
    toMs: Date.parse("2026-10-31Z"),
  }),
};

describeWithPostgres("reports over a million rows of each table", () => {
  let server: TestPostgres;
  let postgres: Postgres<Tables>;
  let version: number;
  const asked: { text: string; values: readonly unknown[] }[] = [];
  let watched: Kysely<Tables>;

  beforeAll(async () => {
    server = await startPostgres();
    const url = await server.migratedDatabase();
    await run(url, "alter system set autovacuum = off");
    await run(url, `alter system set default_statistics_target = ${STATISTICS_TARGET}`);
    await run(url, "select pg_reload_conf()");
    postgres = openPostgres<Tables>({ url, poolSize: 1 });
    watched = new Kysely<Tables>({
      dialect: new PostgresDialect({ pool: postgres.pool, controlClient: Client }),
      log: ({ query }) => void asked.push({ text: query.sql, values: query.parameters }),
    });
    for (const table of MONTHLY_TABLES) await openMonths(postgres.pool, table, MONTHS);
    await Promise.all([run(url, LOAD_USAGE), run(url, LOAD_HITS).then(() => run(url, LOAD_DENIED))]);
    for (const text of FOLD_AT_ONCE) await run(url, text);
    // Statistics of every row instead of a sample, or plans that cost nearly the same would change places from run to run.
    await Promise.all(MONTHLY_TABLES.map((table) => run(url, `vacuum (analyze) ${table}`)));
    const [shown] = await run(url, "select current_setting('server_version_num')::integer / 10000 as version");
    version = Number(shown?.version);
    // A plan for several workers depends on the machine.
    await postgres.pool.query("set max_parallel_workers_per_gather = 0");
  }, 300_000);
  afterAll(async () => {
    await postgres?.close();
    await server?.stop();
  });

  for (const [name, report] of Object.entries(REPORTS)) {
    test(`${name.replaceAll("-", " ")}: the plan is the committed one, and its time is told`, async ({
      annotate,
      skip,
    }) => {
      asked.length = 0;
      expect((await report(watched)).length).toBeGreaterThan(0);
      const plans = await Promise.all(asked.map(({ text, values }) => planOf(text, values)));
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const startMs = performance.now();
        await report(postgres.sql);
        times.push(performance.now() - startMs);
      }
      const p95 = times.toSorted((a, b) => a - b)[Math.ceil(ROUNDS * 0.95) - 1] ?? 0;
      await annotate(`P95 of ${ROUNDS}: ${p95.toFixed(1)} ms`);
      if (version !== GOLDEN_VERSION) skip(`plans are committed for PostgreSQL ${GOLDEN_VERSION}, this is ${version}`);
      await expect(`${plans.join("\n\n")}\n`).toMatchFileSnapshot(`plans.golden/${name}.txt`);
    });
  }

  async function planOf(text: string, values: readonly unknown[]): Promise<string> {
    const { rows } = await postgres.pool.query(`explain (costs off) ${text}`, [...values]);
    return rows.map((row) => row["QUERY PLAN"]).join("\n");
  }
});
