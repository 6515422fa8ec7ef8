// The tables of the audit trail as the query builder sees them: service/migrations/0003_audit.sql
// and 0009_uses_and_checkpoints.sql.
import type { ColumnType, GeneratedAlways } from "kysely";
import type { Role } from "../auth/actor.ts";
import type { AuditActor, AuditOutcome } from "./audit-record.ts";
import type { Json } from "./canonical-json.ts";
import type { SignedCheckpoint } from "./checkpoint.ts";

/** Rows are added by the database's own functions only (audit-append.pg.ts). */
type Read<T> = ColumnType<T, never, never>;

export type AuditLogTable = {
  seq: Read<number>;
  at: Read<Date>;
  format: Read<number>;
  actor_kind: Read<AuditActor["kind"]>;
  actor_id: Read<string | null>;
  actor_login: Read<string | null>;
  actor_role: Read<Role | null>;
  action: Read<string>;
  resource_kind: Read<string>;
  resource_id: Read<string | null>;
  tenant: Read<string | null>;
  address: Read<string | null>;
  user_agent: Read<string | null>;
  request_id: Read<string | null>;
  outcome: Read<AuditOutcome>;
  before: Read<Json>;
  after: Read<Json>;
  previous_hash: Read<Buffer>;
  hash: Read<Buffer>;
};

export type AuditTables = {
  audit_logs: AuditLogTable;
  audit_head: { chain: Read<string>; seq: Read<number>; hash: Read<Buffer>; at: Read<Date> };
  audit_checkpoints: {
    id: GeneratedAlways<number>;
    checkpoint: ColumnType<SignedCheckpoint, string, never>;
    written_at: Read<Date>;
  };
};
