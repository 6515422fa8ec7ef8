// The Admin route of limit hits: what was refused, the newest minute first.
import { LimitHitPage, LimitHitQuery } from "@sluice/contract";
import { DEFAULT_PAGE, pageOf, readCursor } from "../admin/cursor.ts";
import { type Route, readRoute } from "../admin/route.admin.ts";
import { readInstant } from "../platform/instant.ts";
import type { ReadDatabase } from "../platform/read-replica.ts";
import { type LimitHitItem, type LimitHitKey, listLimitHits } from "./limit-hit-list.pg.ts";
import type { LimitHitTables } from "./limit-hit-tables.ts";

export function limitHitRoutes(reports: ReadDatabase<LimitHitTables>): Route[] {
  return [
    readRoute({
      ...{ method: "GET", path: "/admin/limit-hit-logs", tag: "limit hits", action: "limit_hit.read" },
      summary: "What was refused, newest first, folded by the minute",
      shape: { query: LimitHitQuery },
      answer: LimitHitPage,
      find: async ({ query, permit }) => {
        const { limit = DEFAULT_PAGE, cursor, tenant = null, user = null, api = null, reason = null, from, to } = query;
        const filter = {
          ...{ tenants: permit.listOf(tenant), user, api, reason },
          fromMs: from === undefined ? null : readInstant(from, "/from"),
          toMs: to === undefined ? null : readInstant(to, "/to"),
        };
        const after = keyOf(readCursor(cursor, ["integer", "text", "uuid"]));
        const { result } = await reports.read((sql) => listLimitHits(sql, filter, { after, limit: limit + 1 }));
        return { body: pageOf(result, limit, bodyOf, ({ key }) => [key.minuteMs, key.tenant, key.line]) };
      },
    }),
  ];
}

function keyOf(key: readonly (string | number)[] | null): LimitHitKey | null {
  return key === null ? null : { minuteMs: Number(key[0]), tenant: String(key[1]), line: String(key[2]) };
}

function bodyOf({ key: _, minuteMs, firstMs, lastMs, ...rest }: LimitHitItem) {
  const text = (atMs: number) => new Date(atMs).toISOString();
  return { ...rest, minute: text(minuteMs), firstAt: text(firstMs), lastAt: text(lastMs) };
}
