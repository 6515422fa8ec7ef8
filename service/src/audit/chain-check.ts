// Checks one chain of audit records, row by row: what was changed, moved, removed, inserted, cut off or rewritten.
//
// Promise: one act of tampering is one fault wherever that can be told; after a fault the check goes on from what is
// stored. The rows alone betray whoever does not recompute every later hash; who does is betrayed by a checkpoint. Memory
// is that of the checkpoints. Not here: reading rows (audit-verify.pg.ts), what to believe of a checkpoint
// (checkpoint-evidence.ts).
import { type AuditRecord, genesisHash, hashOf, type StoredAuditRecord } from "./audit-record.ts";
import type { AuditFault, AuditFaultKind } from "./audit-report.ts";
import type { Evidence } from "./checkpoint-evidence.ts";

/** More of them say nothing more. */
const MOST_FAULTS = 100;
/** How far from its place a row is recognised; farther away it is called changed. */
const MOVED_AT_MOST = 100;

export type ChainEnd = Readonly<{ chain: string; seq: number; hash: string }>;

export type ChainFindings = Readonly<{
  rows: number;
  firstSeq: number | null;
  lastSeq: number | null;
  faults: readonly AuditFault[];
  faultsLeftOut: number;
  provenUpTo: Evidence | null;
}>;

export class ChainCheck {
  readonly #end: ChainEnd | null;
  readonly #evidence: ReadonlyMap<number, readonly Evidence[]>;
  readonly #faults: AuditFault[] = [];
  #faultsLeftOut = 0;
  #lastFaultSeq = 0;
  #rows = 0;
  #firstSeq: number | null = null;
  #lastSeq = 0;
  /** The hashes stored at `lastSeq`: several where a row was inserted. */
  #stored: string[];
  /** What the next row may continue; null = cannot be told. */
  #continuable: string[] | null;
  #confirmedSeq = -1;
  #proven: Evidence | null = null;

  /** `end` is the head of the chain, of the same snapshot as the rows; null when it is gone. */
  constructor(end: ChainEnd | null, evidence: readonly Evidence[]) {
    this.#end = end;
    this.#evidence = Map.groupBy(evidence, ({ seq }) => seq);
    this.#stored = end === null ? [] : [genesisHash(end.chain)];
    this.#continuable = end === null ? null : [...this.#stored];
  }

  /** Every row there is, in order of position. */
  add({ hash, ...record }: StoredAuditRecord): void {
    this.#rows++;
    this.#firstSeq ??= record.seq;
    const isSecond = record.seq === this.#lastSeq;
    if (isSecond) this.#fault("INSERTED", record.seq, record.seq, "a second row stands at this position");
    else this.#advanceTo(record.seq);
    const ownHash = hashOf(record);
    const continued = this.#continuable;
    this.#stored.push(hash);
    if (ownHash === hash) {
      if (!isSecond) this.#checkLink(record, continued);
      this.#continuable = isSecond ? [...(continued ?? []), hash] : [hash];
      return;
    }
    const writtenAt = this.#faults.length < MOST_FAULTS ? positionThatFits(record, hash) : null;
    if (writtenAt === null) this.#fault("CHANGED", record.seq, record.seq, "the row is not what was hashed");
    else this.#fault("MOVED", record.seq, record.seq, `the row was written at position ${writtenAt}`);
    // A changed row is continued by what it was: its stored hash, or its content if only the hash was changed.
    this.#continuable = writtenAt === null ? [hash, ...(ownHash === null ? [] : [ownHash])] : null;
  }

  finish(): ChainFindings {
    this.#compareEvidence();
    this.#checkEnd();
    return {
      rows: this.#rows,
      firstSeq: this.#firstSeq,
      lastSeq: this.#rows === 0 ? null : this.#lastSeq,
      faults: this.#faults,
      faultsLeftOut: this.#faultsLeftOut,
      provenUpTo: this.#proven,
    };
  }

  #advanceTo(seq: number): void {
    this.#compareEvidence();
    const expected = this.#lastSeq + 1;
    if (seq !== expected) {
      this.#fault("MISSING", expected, seq - 1, "no row stands here, but later ones do");
      this.#continuable = null;
    }
    this.#lastSeq = seq;
    this.#stored = [];
  }

  #checkLink({ seq, previousHash }: AuditRecord, continued: readonly string[] | null): void {
    if (continued === null || continued.includes(previousHash)) return;
    const before = seq === 1 ? "does not begin this chain" : `does not continue row ${seq - 1}`;
    this.#fault("UNLINKED", seq, seq, `the row is whole, but ${before}: one of them was put in place of another`);
  }

  /** Everything that stands at `lastSeq` is known. A fault since the last confirmation explains a contradiction. */
  #compareEvidence(): void {
    for (const each of this.#evidence.get(this.#lastSeq) ?? []) {
      if (this.#stored.includes(each.hash)) {
        this.#confirmedSeq = each.seq;
        if (each.proves && this.#lastFaultSeq === 0) this.#proven = each;
      } else if (this.#stored.length > 0 && this.#lastFaultSeq <= Math.max(0, this.#confirmedSeq)) {
        const detail = `the rows are whole, but not those of the checkpoint of ${each.at}`;
        this.#fault("REWRITTEN", Math.max(0, this.#confirmedSeq) + 1, each.seq, detail);
      }
    }
  }

  #checkEnd(): void {
    const end = this.#end;
    const known = [...this.#evidence.values()].flat();
    const furthest = known.reduce<Evidence | null>((most, each) => (each.seq > (most?.seq ?? 0) ? each : most), null);
    const headSeq = end?.seq ?? 0;
    const knownSeq = Math.max(headSeq, furthest?.seq ?? 0);
    if (knownSeq > this.#lastSeq) {
      const witness = headSeq === knownSeq ? "the head of the chain" : `the checkpoint of ${furthest?.at}`;
      this.#fault("TRUNCATED", this.#lastSeq + 1, knownSeq, `${witness} knows of rows that are gone`);
    }
    if (end === null) {
      this.#fault("HEAD", this.#lastSeq, this.#lastSeq, "the head of the chain is gone");
    } else if (headSeq < this.#lastSeq) {
      this.#fault("HEAD", headSeq + 1, this.#lastSeq, `rows stand beyond the head of the chain, ${headSeq}`);
    } else if (headSeq === this.#lastSeq && !this.#stored.includes(end.hash)) {
      this.#fault("HEAD", headSeq, headSeq, "the head of the chain holds another hash than the last row");
    }
  }

  #fault(kind: AuditFaultKind, fromSeq: number, toSeq: number, detail: string): void {
    this.#lastFaultSeq = Math.max(this.#lastFaultSeq, toSeq, 1);
    if (this.#faults.length < MOST_FAULTS) this.#faults.push({ kind, fromSeq, toSeq, detail });
    else this.#faultsLeftOut++;
  }
}

/** The nearest position at which the record has this hash. */
function positionThatFits(record: AuditRecord, hash: string): number | null {
  for (let distance = 1; distance <= MOVED_AT_MOST; distance++) {
    for (const seq of [record.seq - distance, record.seq + distance]) {
      if (seq > 0 && hashOf({ ...record, seq }) === hash) return seq;
    }
  }
  return null;
}
