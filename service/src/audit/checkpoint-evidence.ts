// Which checkpoints to believe, and as what: those kept outside prove, those inside the database only warn, for whoever
// can change rows can remove them as well.
import type { KeyObject } from "node:crypto";
import type { AuditFault } from "./audit-report.ts";
import { checkSignature, type SignedCheckpoint } from "./checkpoint.ts";

/** What a checkpoint says of the chain. `proves`: kept outside, and signed by a key that was given. */
export type Evidence = Readonly<{ seq: number; hash: string; at: string; keyId: string; proves: boolean }>;

export type Weighed = Readonly<{ evidence: Evidence[]; faults: AuditFault[]; notes: string[] }>;

export type WeighedBy = Readonly<{
  /** The chain under examination; null when its name is lost, and any is taken. */
  chain: string | null;
  /** By id; null = no key was given, so no signature can be checked. */
  keys: ReadonlyMap<string, KeyObject> | null;
  place: "outside" | "inside";
}>;

export function weighCheckpoints(checkpoints: readonly SignedCheckpoint[], by: WeighedBy): Weighed {
  const evidence: Evidence[] = [];
  const faults: AuditFault[] = [];
  const unknownKeys = new Set<string>();
  const histories = new Set<string>();
  for (const checkpoint of checkpoints) {
    const { seq, hash, at, keyId, chain, systemId, timeline } = checkpoint;
    const signature = by.keys === null ? "unchecked" : checkSignature(checkpoint, by.keys);
    if (signature === "unknown key") {
      unknownKeys.add(keyId);
    } else if (signature === "forged") {
      const detail = `a checkpoint ${by.place} the database, of ${at}, has a wrong signature`;
      faults.push({ kind: "FORGED_CHECKPOINT", fromSeq: seq, toSeq: seq, detail });
    } else if (by.chain !== null && chain !== by.chain) {
      const detail = `a checkpoint ${by.place} the database, of ${at}, is of the chain ${chain}, not ${by.chain}`;
      faults.push({ kind: "FOREIGN_CHECKPOINT", fromSeq: seq, toSeq: seq, detail });
    } else {
      histories.add(`${systemId}, timeline ${timeline}`);
      evidence.push({ seq, hash, at, keyId, proves: by.place === "outside" && signature === "valid" });
    }
  }
  return { evidence, faults, notes: notesOf(unknownKeys, histories, by.place) };
}

function notesOf(unknownKeys: ReadonlySet<string>, histories: ReadonlySet<string>, place: string): string[] {
  const notes: string[] = [];
  if (unknownKeys.size > 0) {
    const ids = [...unknownKeys].join(", ");
    notes.push(`Checkpoints ${place} the database signed by keys that were not given were left out: ${ids}.`);
  }
  if (histories.size > 1) {
    const systems = [...histories].join("; ");
    notes.push(`Checkpoints ${place} the database tell of promotions or restores: system ${systems}.`);
  }
  return notes;
}
