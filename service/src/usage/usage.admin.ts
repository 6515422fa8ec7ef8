// The Admin routes of usage: by day or month, as JSON pages or as one CSV. Dates are those of the tenant's zone.
import { DailyUsageQuery, MonthlyUsageQuery, UsagePage } from "@sluice/contract";
import type { Kysely } from "kysely";
import type Type from "typebox";
import { DEFAULT_PAGE, pageOf, readCursor } from "../admin/cursor.ts";
import type { Permit } from "../admin/permit.ts";
import { type Route, readRoute } from "../admin/route.admin.ts";
import { periodsAt } from "../limits/quota-period.ts";
import type { ReadDatabase } from "../platform/read-replica.ts";
import { Refusal } from "../platform/refusal.ts";
import type { PolicyTables } from "../policies/policy-tables.ts";
import { CSV_START, csvLine } from "./csv.ts";
import { type PeriodKind, parsePeriod, periodsBefore } from "./usage-period.ts";
import { readUsage } from "./usage-report.pg.ts";
import { type UsageKey, type UsageReport, type UsageReportRow, usageItem } from "./usage-series.ts";
import type { UsageTables } from "./usage-tables.ts";

/** Periods of a report that says neither from nor to. */
const DEFAULT_PERIODS = { day: 30, month: 12 } as const;
const CSV_TYPE = "text/csv; charset=utf-8";
const ROWS_OF_EXPORT = 1_000;
const FIRST_OF_EXPORT = { after: null, limit: ROWS_OF_EXPORT };
const COLUMNS = ["tenantId", "userId", "api", "period", "total", "denied"] as const;

type Tables = UsageTables & PolicyTables;
type Query = Type.Static<typeof DailyUsageQuery>;

export function usageRoutes(reports: ReadDatabase<Tables>): Route[] {
  return [
    usageRoute(reports, "day", "/admin/usage/daily", DailyUsageQuery, "Usage by day"),
    usageRoute(reports, "month", "/admin/usage/monthly", MonthlyUsageQuery, "Usage by month"),
  ];
}

function usageRoute(
  reports: ReadDatabase<Tables>,
  kind: PeriodKind,
  path: string,
  schema: typeof DailyUsageQuery | typeof MonthlyUsageQuery,
  summary: string,
): Route {
  return readRoute({
    ...{ method: "GET", path, tag: "usage", action: "usage.read", summary },
    shape: { query: schema },
    answer: UsagePage,
    streams: [CSV_TYPE],
    problems: ["OUT_OF_RANGE"],
    find: async ({ query, permit, origin }) => {
      const { limit = DEFAULT_PAGE, cursor, format = "json" } = query;
      const after = usageKey(readCursor(cursor, ["integer", "text", "text"]));
      const tenant = tenantOf(query, permit);
      const isExport = format === "csv";
      const page = isExport ? FIRST_OF_EXPORT : { after, limit: limit + 1 };
      // Of an export, too, the first rows are read before anything is answered: what is refused is refused there.
      const { result, source, lagMs } = await reports.read(async (sql) => {
        const report = await reportOf(sql, kind, query, tenant, origin.nowMs);
        return { report, rows: await readUsage(sql.$pickTables<keyof UsageTables>(), report, page) };
      });
      const { report, rows } = result;
      if (isExport) {
        const fileName = `usage-${kind}-${report.from}-${report.to}.csv`;
        return { stream: csvOf(reports, report, rows), contentType: CSV_TYPE, fileName };
      }
      const shown = pageOf(
        rows,
        limit,
        (row) => usageItem(report, row),
        ({ period, tenant, member }) => [period, tenant, member],
      );
      return { body: { ...shown, source, lagMs } };
    },
  });
}

function usageKey(key: readonly (string | number)[] | null): UsageKey | null {
  return key === null ? null : { period: Number(key[0]), tenant: String(key[1]), member: String(key[2]) };
}

/** Null = all tenants. Who is bound to several names one of them: a report is of one tenant or of all. */
function tenantOf({ tenant }: Query, permit: Permit): string | null {
  const tenants = permit.listOf(tenant ?? null);
  if (tenants === null || tenants.length === 1) return tenants?.[0] ?? null;
  const errors = [{ pointer: "/tenant", detail: "is missing: name one of your tenants" }];
  throw new Refusal("INVALID_REQUEST", "Your user is bound to several tenants: ask for one of them.", { errors });
}

async function reportOf(
  sql: Kysely<Tables>,
  kind: PeriodKind,
  query: Query,
  tenant: string | null,
  nowMs: number,
): Promise<UsageReport> {
  const { user = null, api = null, from, to, groupBy = "tenant" } = query;
  const present = await presentPeriod(sql, kind, tenant, nowMs);
  const last = to === undefined ? present : labelOf(kind, to, "/to");
  const first =
    from === undefined ? periodsBefore(kind, last, DEFAULT_PERIODS[kind] - 1) : labelOf(kind, from, "/from");
  return { kind, tenant, user, api, from: first, to: last, groupBy };
}

async function presentPeriod(
  sql: Kysely<Tables>,
  kind: PeriodKind,
  tenant: string | null,
  nowMs: number,
): Promise<number> {
  const row =
    tenant === null
      ? undefined
      : await sql.selectFrom("tenants").select("time_zone").where("id", "=", tenant).executeTakeFirst();
  return periodsAt(row?.time_zone ?? "UTC", nowMs)[kind].current.label;
}

function labelOf(kind: PeriodKind, text: string, pointer: string): number {
  const label = parsePeriod(kind, text);
  if (label !== null) return label;
  const errors = [{ pointer, detail: `must be a ${kind === "day" ? "date like 2026-11-22" : "month like 2026-11"}` }];
  throw new Refusal("INVALID_REQUEST", `${JSON.stringify(text)} is no ${kind}.`, { errors });
}

/** In short reads: an export holds no transaction open, however slow its reader is. */
async function* csvOf(
  reports: ReadDatabase<Tables>,
  report: UsageReport,
  first: readonly UsageReportRow[],
): AsyncGenerator<string> {
  yield CSV_START + csvLine(COLUMNS);
  for (let rows = first; ; ) {
    const items = rows.map((row) => usageItem(report, row));
    yield items.map((item) => csvLine(COLUMNS.map((column) => item[column]))).join("");
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_OF_EXPORT) return;
    const page = { after: last, limit: ROWS_OF_EXPORT };
    rows = (await reports.read((sql) => readUsage(sql.$pickTables<keyof UsageTables>(), report, page))).result;
  }
}
