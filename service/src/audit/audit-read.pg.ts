// Reads the audit trail: pages of it, newest first, and all of it as lines, oldest first.
//
// Promise: whoever is bound to tenants sees their rows only, never those of the whole installation. An export ends at the
// row that was newest when it began, and holds no transaction open while its reader is slow.
import type { Kysely, SelectQueryBuilder } from "kysely";
import type { StoredAuditRecord } from "./audit-record.ts";
import { type AuditRow, storedRecordOf } from "./audit-rows.ts";
import type { AuditTables } from "./audit-tables.ts";
import { canonicalJson } from "./canonical-json.ts";

const ROWS_PER_READ = 500;

/** Absent = anything. */
export type AuditFilter = Readonly<{
  /** What the reader may see; null = everything. Never absent, so that nobody forgets it. */
  tenants: readonly string[] | null;
  tenant?: string;
  actorId?: string;
  action?: string;
  resourceKind?: string;
  resourceId?: string;
  /** From this instant on. */
  fromMs?: number;
  /** Before this instant. */
  toMs?: number;
}>;

/** Newest first; `after` is the position of the last row of the page before. */
export async function listAudit(
  database: Kysely<AuditTables>,
  filter: AuditFilter,
  page: Readonly<{ after: number | null; limit: number }>,
): Promise<StoredAuditRecord[]> {
  let query = matching(database, filter).orderBy("seq", "desc").limit(page.limit);
  if (page.after !== null) query = query.where("seq", "<", page.after);
  return (await query.execute()).map(storedRecordOf);
}

/** NDJSON, oldest first: each line is a record's canonical JSON with its hash, and ends with a line feed. */
export async function* exportAudit(database: Kysely<AuditTables>, filter: AuditFilter): AsyncGenerator<string> {
  const head = await database.selectFrom("audit_head").select("seq").executeTakeFirstOrThrow();
  let after = 0;
  for (;;) {
    const rows = await matching(database, filter)
      .where("seq", ">", after)
      .where("seq", "<=", head.seq)
      .orderBy("seq")
      .limit(ROWS_PER_READ)
      .execute();
    for (const row of rows) yield `${canonicalJson(storedRecordOf(row))}\n`;
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_PER_READ) return;
    after = last.seq;
  }
}

function matching(
  database: Kysely<AuditTables>,
  filter: AuditFilter,
): SelectQueryBuilder<AuditTables, "audit_logs", AuditRow> {
  let query = database.selectFrom("audit_logs").selectAll();
  if (filter.tenants !== null) query = query.where("tenant", "in", filter.tenants.length > 0 ? filter.tenants : [null]);
  if (filter.tenant !== undefined) query = query.where("tenant", "=", filter.tenant);
  if (filter.actorId !== undefined) query = query.where("actor_id", "=", filter.actorId);
  if (filter.action !== undefined) query = query.where("action", "=", filter.action);
  if (filter.resourceKind !== undefined) query = query.where("resource_kind", "=", filter.resourceKind);
  if (filter.resourceId !== undefined) query = query.where("resource_id", "=", filter.resourceId);
  if (filter.fromMs !== undefined) query = query.where("at", ">=", new Date(filter.fromMs));
  if (filter.toMs !== undefined) query = query.where("at", "<", new Date(filter.toMs));
  return query;
}
