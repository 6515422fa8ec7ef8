// A row of `audit_logs` as the record it was made from.
import type { Selectable } from "kysely";
import type { StoredAuditRecord } from "./audit-record.ts";
import type { AuditLogTable } from "./audit-tables.ts";

export type AuditRow = Selectable<AuditLogTable>;

export function storedRecordOf(row: AuditRow): StoredAuditRecord {
  return {
    format: row.format,
    seq: row.seq,
    at: row.at.toISOString(),
    actor: { kind: row.actor_kind, id: row.actor_id, login: row.actor_login, role: row.actor_role },
    action: row.action,
    resource: { kind: row.resource_kind, id: row.resource_id },
    tenant: row.tenant,
    address: row.address,
    userAgent: row.user_agent,
    requestId: row.request_id,
    outcome: row.outcome,
    before: row.before,
    after: row.after,
    previousHash: row.previous_hash.toString("hex"),
    hash: row.hash.toString("hex"),
  };
}
