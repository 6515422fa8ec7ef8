// Asks PostgreSQL which state of the policies it holds. One cheap query, with no more rights than reading the tables.
//
// A version means something only within one history: the cluster (system identifier) and its timeline, which every
// promotion and point-in-time recovery forks. A standby may lag and is refused.
import type { ClientBase } from "pg";
import { bounded } from "../platform/postgres.ts";
import type { PolicyVersion } from "./snapshot.ts";

/** A server that has gone away without a word must not hold up the next attempt. */
export const READ_TIMEOUT_MS = 4_000;

export type PolicyHead = Readonly<{
  version: PolicyVersion;
  /** The change log is complete for every version after this one. */
  changesSince: number;
}>;

// The WAL file's name begins with the timeline in hexadecimal. pg_control_checkpoint() would tell the old timeline until
// the first checkpoint after a promotion.
const HEAD_SQL = `
  select
    (select system_identifier::text from pg_control_system()) as system_id,
    case when pg_is_in_recovery() then null
      else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
    end as timeline,
    version,
    changes_since
  from policy_version`;

type HeadRow = Readonly<{ system_id: string; timeline: number | null; version: number; changes_since: number }>;

export async function readHead(client: ClientBase): Promise<PolicyHead> {
  const { rows } = await client.query<HeadRow>(bounded(READ_TIMEOUT_MS, HEAD_SQL));
  const row = rows[0];
  if (row === undefined) throw new Error("The table policy_version has lost its one row: restore the database.");
  if (row.timeline === null) {
    throw new Error("The database is a standby: name the primary, or add target_session_attrs=read-write.");
  }
  const version = { systemId: row.system_id, timeline: row.timeline, version: row.version };
  return { version, changesSince: row.changes_since };
}

export function isSameHistory(a: PolicyVersion, b: PolicyVersion): boolean {
  return a.systemId === b.systemId && a.timeline === b.timeline;
}

export function isSameVersion(a: PolicyVersion, b: PolicyVersion): boolean {
  return isSameHistory(a, b) && a.version === b.version;
}
