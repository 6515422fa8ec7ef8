// Adds rows to the audit trail, in the transaction of the change that they tell of.
//
// Promise: rows and change are committed together or not at all, and no rollback leaves a gap. The lock on the head of
// the chain is held from here to the end of the transaction, so append late: after the change, before publish_policies().
// A transaction may append several rows. It must be READ COMMITTED, PostgreSQL's default.
import { sql, type Transaction } from "kysely";
import { type AuditEntry, type AuditRecord, hashOf, recordOf, type StoredAuditRecord } from "./audit-record.ts";
import type { AuditTables } from "./audit-tables.ts";
import { canonicalJson } from "./canonical-json.ts";

type Head = Readonly<{ next_seq: number; previous_hash: Buffer; at_ms: number }>;

export async function appendAudit(
  transaction: Transaction<AuditTables>,
  entry: AuditEntry,
): Promise<StoredAuditRecord> {
  const head = (await sql<Head>`select * from lock_audit_head()`.execute(transaction)).rows[0];
  if (head === undefined) throw new Error("The table audit_head has lost its one row: restore the database.");
  const record: AuditRecord = recordOf(entry, {
    seq: head.next_seq,
    previousHash: head.previous_hash.toString("hex"),
    atMs: head.at_ms,
  });
  const canonical = canonicalJson(record);
  const appended = await sql<{ hash: Buffer }>`select append_audit(${canonical}) as hash`.execute(transaction);
  const hash = appended.rows[0]?.hash.toString("hex") ?? "";
  if (hash !== hashOf(record)) throw new Error(`PostgreSQL hashed audit row ${record.seq} to something else.`);
  return { ...record, hash };
}
