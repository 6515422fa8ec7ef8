// An audit trail to tamper with: entries as tests want them, a database with some of them, and its superuser.
import { generateKeyPairSync } from "node:crypto";
import { appendAudit } from "../src/audit/audit-append.pg.ts";
import type { AuditEntry, StoredAuditRecord } from "../src/audit/audit-record.ts";
import type { AuditReport } from "../src/audit/audit-report.ts";
import type { AuditTables } from "../src/audit/audit-tables.ts";
import { verifyAudit } from "../src/audit/audit-verify.pg.ts";
import { keyIdOf, type SignedCheckpoint } from "../src/audit/checkpoint.ts";
import { connectPostgres, openPostgres, type PostgresOptions } from "../src/platform/postgres.ts";

export function auditEntry(given: Partial<AuditEntry> = {}): AuditEntry {
  return {
    actor: { kind: "USER", id: "7a6e0a0e-0000-4000-8000-000000000001", login: "kim", role: "OPERATOR" },
    action: "tenant.update",
    resource: { kind: "tenant", id: "acme" },
    tenant: "acme",
    origin: { address: "192.0.2.7", userAgent: "sluice-cli", requestId: "01J" },
    outcome: "DONE",
    before: { name: "Acme", limits: { perSecond: 20, perDay: null } },
    after: { name: "Acme Corp", limits: { perSecond: 30, perDay: null } },
    ...given,
  };
}

export const auditKeys = generateKeyPairSync("ed25519");
export const auditPublicKeys = new Map([[keyIdOf(auditKeys.publicKey), auditKeys.publicKey]]);

/** As many as can append at once. */
const MOST_WRITERS = 50;

export type AuditTrail = Awaited<ReturnType<typeof openAuditTrail>>;

/** On a migrated database; `rows` entries are appended first. */
export async function openAuditTrail(options: PostgresOptions, rows = 0) {
  const postgres = openPostgres<AuditTables>({ poolSize: MOST_WRITERS, ...options });
  const append = (entry = auditEntry()): Promise<StoredAuditRecord> =>
    postgres.sql.transaction().execute((transaction) => appendAudit(transaction, entry));
  /** Each entry over a connection of its own, all opened before: a busy machine is slow to open so many together. */
  const appendAtOnce = async (entries: readonly AuditEntry[]): Promise<StoredAuditRecord[]> => {
    const connections = [];
    for (const _ of entries) connections.push(await postgres.pool.connect());
    for (const connection of connections) connection.release();
    return await Promise.all(entries.map(append));
  };
  const verify = async (checkpoints: readonly SignedCheckpoint[] | null = null): Promise<AuditReport> => {
    const client = await connectPostgres(options);
    try {
      return await verifyAudit(client, { checkpoints, keys: auditPublicKeys });
    } finally {
      await client.end();
    }
  };
  /** What nothing but the rights of a superuser allows: the triggers do not run. */
  const tamper = async (...statements: string[]): Promise<void> => {
    const client = await connectPostgres(options);
    try {
      await client.query("set session_replication_role = replica");
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.query("reset session_replication_role");
      await client.end();
    }
  };
  for (let row = 1; row <= rows; row++) await append(auditEntry({ after: { row } }));
  return { sql: postgres.sql, append, appendAtOnce, verify, tamper, [Symbol.asyncDispose]: () => postgres.close() };
}
