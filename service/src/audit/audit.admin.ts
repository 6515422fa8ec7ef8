// The Admin route of the audit trail: pages, newest first, or all of it as NDJSON, oldest first.
import { AuditPage, AuditQuery } from "@sluice/contract";
import type { Kysely } from "kysely";
import { DEFAULT_PAGE, pageOf, readCursor } from "../admin/cursor.ts";
import { type Route, readRoute } from "../admin/route.admin.ts";
import { readInstant } from "../platform/instant.ts";
import { type AuditFilter, exportAudit, listAudit } from "./audit-read.pg.ts";
import type { AuditTables } from "./audit-tables.ts";

const NDJSON = "application/x-ndjson";

export function auditRoutes(reader: Kysely<AuditTables>): Route[] {
  return [
    readRoute({
      ...{ method: "GET", path: "/admin/audit-logs", tag: "audit", action: "audit.read" },
      summary: "Who changed what, newest first; format=ndjson exports all of it",
      shape: { query: AuditQuery },
      answer: AuditPage,
      streams: [NDJSON],
      find: async ({ query, permit }) => {
        const { limit = DEFAULT_PAGE, cursor, format = "json", from, to, tenant, ...names } = query;
        const filter: AuditFilter = {
          ...names,
          tenants: permit.listOf(tenant ?? null),
          ...(from !== undefined && { fromMs: readInstant(from, "/from") }),
          ...(to !== undefined && { toMs: readInstant(to, "/to") }),
        };
        if (format === "ndjson") {
          return { stream: exportAudit(reader, filter), contentType: NDJSON, fileName: "audit.ndjson" };
        }
        const [after = null] = readCursor(cursor, ["integer"]) ?? [];
        const rows = await listAudit(reader, filter, { after: after as number | null, limit: limit + 1 });
        return {
          body: pageOf(
            rows,
            limit,
            (row) => row,
            ({ seq }) => [seq],
          ),
        };
      },
    }),
  ];
}
