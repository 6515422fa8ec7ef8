// Decides what a policy file writes: what it declares newly or differently, and nothing that a hand has touched since the
// file last wrote it, unless forced. Pure: declared, stored and remembered rows in, a decision out.
import type { DeclaredKind } from "./policy-tables.ts";

/** What the file remembers of a row that it wrote: its etag then. */
export type Remembered = ReadonlyMap<string, string>;

export type KeptRow = Readonly<{ kind: DeclaredKind; key: string; because: "changed by hand" | "deleted by hand" }>;

export type FileDiff<Entry> = Readonly<{
  write: readonly Entry[];
  /** Rows that are as declared already, with their etags: the file's own from now on. */
  same: readonly (readonly [key: string, etag: string])[];
  kept: readonly KeptRow[];
}>;

export type Declared<Entry, Row> = Readonly<{
  kind: DeclaredKind;
  entries: readonly Entry[];
  keyOf: (entry: Entry) => string;
  stored: ReadonlyMap<string, Row>;
  isSame: (entry: Entry, row: Row) => boolean;
}>;

export function diffOfFile<Entry, Row extends { etag: string }>(
  { kind, entries, keyOf, stored, isSame }: Declared<Entry, Row>,
  remembered: Remembered,
  isForced: boolean,
): FileDiff<Entry> {
  const write: Entry[] = [];
  const same: [string, string][] = [];
  const kept: KeptRow[] = [];
  for (const entry of entries) {
    const key = keyOf(entry);
    const row = stored.get(key);
    const known = remembered.get(key);
    if (row !== undefined && isSame(entry, row)) same.push([key, row.etag]);
    else if (isForced || row?.etag === known) write.push(entry);
    else kept.push({ kind, key, because: row === undefined ? "deleted by hand" : "changed by hand" });
  }
  return { write, same, kept };
}
