// Verifies the audit trail of a database against itself and against checkpoints: reads all of it in one snapshot.
//
// Promise: changes nothing, holds one batch in memory, and what is appended meanwhile is no fault: the head and the rows
// are of one instant. Read the outside checkpoints before calling, so that none is newer than that instant.
import type { KeyObject } from "node:crypto";
import type { ClientBase } from "pg";
import type { AuditReport } from "./audit-report.ts";
import { type AuditRow, storedRecordOf } from "./audit-rows.ts";
import { ChainCheck, type ChainEnd, type ChainFindings } from "./chain-check.ts";
import { isCheckpoint, type SignedCheckpoint } from "./checkpoint.ts";
import { type Weighed, weighCheckpoints } from "./checkpoint-evidence.ts";

const ROWS_PER_FETCH = 1_000;

export type OutsideEvidence = Readonly<{
  /** Null = none were given, which proves nothing. */
  checkpoints: readonly SignedCheckpoint[] | null;
  /** Public keys by their id; null = none known. */
  keys: ReadonlyMap<string, KeyObject> | null;
}>;

export async function verifyAudit(client: ClientBase, { checkpoints, keys }: OutsideEvidence): Promise<AuditReport> {
  await client.query("begin isolation level repeatable read, read only");
  try {
    const end = await readEnd(client);
    const chain = end?.chain ?? null;
    const insideCheckpoints = await readInside(client);
    const inside = weighCheckpoints(insideCheckpoints, { chain, keys, place: "inside" });
    const outside = weighCheckpoints(checkpoints ?? [], { chain, keys, place: "outside" });
    const check = new ChainCheck(end, [...outside.evidence, ...inside.evidence]);
    await client.query("declare audit_rows no scroll cursor for select * from audit_logs order by seq, at");
    for (;;) {
      const { rows } = await client.query<AuditRow>(`fetch ${ROWS_PER_FETCH} from audit_rows`);
      for (const row of rows) check.add(storedRecordOf(row));
      if (rows.length < ROWS_PER_FETCH) break;
    }
    const counts = { outside: checkpoints?.length ?? 0, inside: insideCheckpoints.length };
    return reportOf(chain, check.finish(), [outside, inside], counts, keys !== null);
  } finally {
    await client.query("rollback");
  }
}

async function readEnd(client: ClientBase): Promise<ChainEnd | null> {
  const { rows } = await client.query<ChainEnd>("select chain, seq, encode(hash, 'hex') as hash from audit_head");
  return rows[0] ?? null;
}

async function readInside(client: ClientBase): Promise<SignedCheckpoint[]> {
  const { rows } = await client.query<{ checkpoint: unknown }>("select checkpoint from audit_checkpoints order by id");
  return rows.map(({ checkpoint }) => checkpoint).filter(isCheckpoint);
}

function reportOf(
  chain: string | null,
  findings: ChainFindings,
  weighed: readonly Weighed[],
  checkpoints: AuditReport["checkpoints"],
  hasKeys: boolean,
): AuditReport {
  const { rows, firstSeq, lastSeq, faultsLeftOut, provenUpTo: proven } = findings;
  const faults = [...findings.faults, ...weighed.flatMap((each) => each.faults)].sort((a, b) => a.fromSeq - b.fromSeq);
  const unproven = (lastSeq ?? 0) - (proven?.seq ?? 0);
  const notes = weighed.flatMap((each) => each.notes);
  if (!hasKeys) notes.push("No public key was given: the signatures of checkpoints were not checked.");
  if (proven === null) {
    notes.push(
      "No checkpoint from outside proves anything: rows cut off the end, or rewritten with every hash, are not found.",
    );
  } else if (unproven > 0) {
    notes.push(
      `The last ${unproven} rows are newer than the last proof: cut off or rewritten, they would not be missed.`,
    );
  }
  return {
    verdict: faults.length === 0 ? "INTACT" : "TAMPERED",
    chain,
    rows,
    firstSeq,
    lastSeq,
    faults,
    faultsLeftOut,
    provenUpTo: proven === null ? null : { seq: proven.seq, at: proven.at, keyId: proven.keyId },
    checkpoints,
    notes,
  };
}
