// What a verification of the audit trail found, as data. Shapes only.

/** Which kind of fault, at which position of the chain. Kinds are stable: scripts depend on them. */
export type AuditFaultKind =
  /** The row is not what was hashed. */
  | "CHANGED"
  /** The row was written at another position. */
  | "MOVED"
  /** No row stands here, but later ones do. */
  | "MISSING"
  /** A second row stands here. */
  | "INSERTED"
  /** The row is whole, but does not continue the row before it. */
  | "UNLINKED"
  /** Rows at the end are gone: the head, or a checkpoint, knows of them. */
  | "TRUNCATED"
  /** Whole again, hashes and all, but not as a checkpoint vouches for. */
  | "REWRITTEN"
  /** The head of the chain does not fit its last row. */
  | "HEAD"
  /** A checkpoint whose signature is wrong: it proves nothing, and someone tried. */
  | "FORGED_CHECKPOINT"
  /** A checkpoint of another chain: of another database, or this one's name was changed. */
  | "FOREIGN_CHECKPOINT";

export type AuditFault = Readonly<{ kind: AuditFaultKind; fromSeq: number; toSeq: number; detail: string }>;

export type AuditReport = Readonly<{
  verdict: "INTACT" | "TAMPERED";
  /** Null when the head of the chain is gone. */
  chain: string | null;
  rows: number;
  firstSeq: number | null;
  lastSeq: number | null;
  /** By position; at most the first hundred. */
  faults: readonly AuditFault[];
  faultsLeftOut: number;
  /** Everything up to here is as it was when this checkpoint was signed; null = nothing is proven. */
  provenUpTo: Readonly<{ seq: number; at: string; keyId: string }> | null;
  checkpoints: Readonly<{ outside: number; inside: number }>;
  /** What the reader must know about the limits of this verdict. */
  notes: readonly string[];
}>;
