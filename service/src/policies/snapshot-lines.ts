// The snapshot file's format: one row a line (NDJSON): a header with the format and the version, the rows, and a last line
// with an HMAC-SHA256 over everything before it. Pure. Not here: the disk (snapshot-write.file.ts, snapshot-read.file.ts).
import type { ManagedCredential } from "../auth/service-credential.ts";
import type { Plan, Policy, Tenant } from "./policy.ts";
import type { PolicyVersion, SnapshotSource } from "./snapshot.ts";

/**
 * Format 2 may hold credentials; the release that knows format 1 only would take such a row for a policy. So where there
 * is no managed credential format 1 is written, which either release reads: nothing changes until the first is created.
 */
export const FORMATS = [1, 2] as const;
type Format = (typeof FORMATS)[number];
/** Rows turned to or from JSON without a pause: well under a millisecond. */
export const ROWS_PER_SLICE = 100;

export type SnapshotFile = Readonly<{
  path: string;
  /** Of the HMAC. Empty in dev: damage is still found, malice is not. */
  key: string;
}>;

export type Header = Readonly<{ format: Format; version: PolicyVersion }>;
export type Row = Readonly<
  { tenant: Tenant } | { plan: Plan } | { policy: Policy } | { credential: ManagedCredential }
>;

/** Everything above the last line, in slices. */
export function* slicesOf(source: SnapshotSource): Generator<string> {
  const credentials = [...source.credentials];
  const header: Header = { format: credentials.length === 0 ? 1 : 2, version: source.version };
  let lines = [JSON.stringify(header)];
  for (const row of rowsOf({ ...source, credentials })) {
    lines.push(JSON.stringify(row));
    if (lines.length < ROWS_PER_SLICE) continue;
    yield `${lines.join("\n")}\n`;
    lines = [];
  }
  if (lines.length > 0) yield `${lines.join("\n")}\n`;
}

export function lastLine(hmacHex: string): string {
  return `${JSON.stringify({ hmac: hmacHex })}\n`;
}
/** Always as long, so that it is found from the end. */
export const LAST_LINE_BYTES = lastLine("0".repeat(64)).length;

/** What the first line says, or null when it says nothing of the kind. */
export function formatOf(line: string): number | null {
  try {
    const { format } = JSON.parse(line) as { format?: unknown };
    return typeof format === "number" ? format : null;
  } catch {
    return null;
  }
}

function* rowsOf({ tenants, plans, policies, credentials }: SnapshotSource): Generator<Row> {
  for (const tenant of tenants) yield { tenant };
  for (const plan of plans) yield { plan };
  for (const policy of policies) yield { policy };
  for (const credential of credentials) yield { credential };
}
