import { expect, test } from "vitest";
import { auditEntry } from "../../test/audit.ts";
import { type AuditRecord, genesisHash, hashOf, recordOf, type StoredAuditRecord } from "./audit-record.ts";
import { ChainCheck, type ChainFindings } from "./chain-check.ts";
import type { Evidence } from "./checkpoint-evidence.ts";

const CHAIN = "0b8a3c1e-0000-4000-8000-000000000001";

test("a chain that nobody touched has no fault, empty or not", () => {
  expect(check(chainOf(20))).toMatchObject({ rows: 20, firstSeq: 1, lastSeq: 20, faults: [], provenUpTo: null });
  expect(check([])).toMatchObject({ rows: 0, firstSeq: null, lastSeq: null, faults: [] });
});

test.each<[string, Partial<StoredAuditRecord>]>([
  ["content", { after: { perSecond: 1_000_000 } }],
  ["actor", { actor: { kind: "SYSTEM", id: "nobody", login: null, role: null } }],
  ["time", { at: "1999-12-31T23:59:59.999Z" }],
  ["tenant", { tenant: null }],
  ["link", { previousHash: "0".repeat(64) }],
  ["hash", { hash: "0".repeat(64) }],
  ["format", { format: 2 }],
])("a changed %s is one fault, at its row", (_, change) => {
  expect(faultsOf(replaced(chainOf(20), 7, change))).toEqual(["CHANGED 7-7"]);
});

test("removed rows are one fault that names them all", () => {
  expect(faultsOf(chainOf(20).filter(({ seq }) => seq < 7 || seq > 9))).toEqual(["MISSING 7-9"]);
  expect(faultsOf(chainOf(20).filter(({ seq }) => seq > 3))).toEqual(["MISSING 1-3"]);
});

test("removed rows whose neighbours closed up are found where they began, and each of the others as moved", () => {
  const closed = chainOf(5).flatMap((row) => (row.seq === 3 ? [] : [{ ...row, seq: row.seq - Number(row.seq > 3) }]));
  expect(faultsOf(closed, { end: endOf(chainOf(5)) })).toEqual(["MOVED 3-3", "MOVED 4-4", "TRUNCATED 5-5"]);
});

test("rows that changed places are told to have moved, and from where", () => {
  const rows = chainOf(20);
  const swapped = rows.map((row) =>
    row.seq === 7 ? { ...rows[11]!, seq: 7 } : row.seq === 12 ? { ...rows[6]!, seq: 12 } : row,
  );
  const { faults } = check(swapped);
  expect(faults.map(({ kind, fromSeq }) => `${kind} ${fromSeq}`)).toEqual(["MOVED 7", "MOVED 12"]);
  expect(faults.map(({ detail }) => detail)).toEqual([
    "the row was written at position 12",
    "the row was written at position 7",
  ]);
});

test("a row put beside another is an insertion, however well it is made", () => {
  const rows = chainOf(20);
  const forged = rehashed([{ ...rows[6]!, action: "user.create" }], rows[5]!.hash);
  expect(faultsOf([...rows.slice(0, 7), ...forged, ...rows.slice(7)])).toEqual(["INSERTED 7-7"]);
  expect(faultsOf([...rows.slice(0, 6), ...forged, ...rows.slice(6)])).toEqual(["INSERTED 7-7"]);
});

test("a row that was replaced by a whole one is betrayed by the next row's link", () => {
  const rows = chainOf(20);
  const forged = rehashed([{ ...rows[6]!, action: "user.create" }], rows[5]!.hash);
  expect(faultsOf([...rows.slice(0, 6), ...forged, ...rows.slice(7)])).toEqual(["UNLINKED 8-8"]);
});

test("a first row that belongs to another chain does not begin this one", () => {
  expect(faultsOf(chainOf(3, "another chain"), { end: endOf(chainOf(3)) })).toEqual(["UNLINKED 1-1", "HEAD 3-3"]);
});

test("rows cut off the end are missed by the head, and by a checkpoint if the head was put back", () => {
  const rows = chainOf(20);
  const left = rows.slice(0, 15);
  expect(faultsOf(left, { end: endOf(rows) })).toEqual(["TRUNCATED 16-20"]);
  expect(faultsOf(left, { evidence: [evidenceOf(rows, 18)] })).toEqual(["TRUNCATED 16-18"]);
  expect(faultsOf([], { evidence: [evidenceOf(rows, 18)] })).toEqual(["TRUNCATED 1-18"]);
  expect(faultsOf(left)).toEqual([]);
});

test("a chain rewritten whole is betrayed by checkpoints alone, between the last that fits and the first that does not", () => {
  const rows = chainOf(20);
  const rewritten = [...rows.slice(0, 6), ...rehashed([{ ...rows[6]!, tenant: "x" }, ...rows.slice(7)], rows[5]!.hash)];
  expect(faultsOf(rewritten)).toEqual([]);
  const evidence = [3, 5, 9, 12, 20].map((seq) => evidenceOf(rows, seq));
  const found = check(rewritten, { evidence });
  expect(found.faults.map(textOf)).toEqual(["REWRITTEN 6-9"]);
  expect(found.provenUpTo?.seq).toBe(5);
});

test("what is proven ends before the first fault, and only outside checkpoints prove", () => {
  const rows = chainOf(20);
  const evidence = [0, 5, 7, 12].map((seq) => evidenceOf(rows, seq));
  expect(check(rows, { evidence }).provenUpTo?.seq).toBe(12);
  const changed = replaced(rows, 7, { tenant: "x" });
  expect(check(changed, { evidence })).toMatchObject({ provenUpTo: { seq: 5 }, faults: [{ kind: "CHANGED" }] });
  const inside = evidence.map((each) => ({ ...each, proves: each.seq === 5 }));
  expect(check(rows, { evidence: inside }).provenUpTo?.seq).toBe(5);
});

test("a head that is gone, behind, or of another hash is told", () => {
  const rows = chainOf(5);
  expect(faultsOf(rows, { end: null })).toEqual(["HEAD 5-5"]);
  expect(faultsOf(rows, { end: endOf(rows.slice(0, 3)) })).toEqual(["HEAD 4-5"]);
  expect(faultsOf(rows, { end: { ...endOf(rows), hash: "0".repeat(64) } })).toEqual(["HEAD 5-5"]);
});

test("a hundred faults are listed and the rest counted", () => {
  const rows = chainOf(150).map((row) => ({ ...row, tenant: "x" }));
  const { faults, faultsLeftOut } = check(rows);
  expect([faults.length, faultsLeftOut]).toEqual([100, 50]);
});

test("a row that no service can have written is changed, not the end of the check", () => {
  expect(faultsOf(replaced(chainOf(5), 3, { after: { perSecond: Number.POSITIVE_INFINITY } }))).toEqual([
    "CHANGED 3-3",
  ]);
});

/** Hashes as they were first published: whoever changes them makes every stored chain look tampered with. */
test("the hash of a record is pinned", () => {
  const [first] = chainOf(1);
  expect(genesisHash(CHAIN)).toMatchInlineSnapshot(
    `"1cc888472a295f0586ac611f74a513d234c93d7f7a7a505b6a134e0e7cf813ad"`,
  );
  expect(first?.hash).toMatchInlineSnapshot(`"7a12c9b44a765ab148906700baf1cd4ef24fbcfdfb2a321d94c3b866384b4673"`);
});

type Given = Readonly<{ end?: ReturnType<typeof endOf> | null; evidence?: readonly Evidence[] }>;

/** `end` is that of `rows` unless given. */
function check(rows: readonly StoredAuditRecord[], given: Given = {}): ChainFindings {
  const chainCheck = new ChainCheck(given.end === undefined ? endOf(rows) : given.end, given.evidence ?? []);
  for (const row of rows) chainCheck.add(row);
  return chainCheck.finish();
}

function faultsOf(rows: readonly StoredAuditRecord[], given: Given = {}): string[] {
  return check(rows, given).faults.map(textOf);
}

function textOf({ kind, fromSeq, toSeq }: ChainFindings["faults"][number]): string {
  return `${kind} ${fromSeq}-${toSeq}`;
}

function endOf(rows: readonly StoredAuditRecord[]) {
  const last = rows.at(-1);
  return { chain: CHAIN, seq: last?.seq ?? 0, hash: last?.hash ?? genesisHash(CHAIN) };
}

function evidenceOf(rows: readonly StoredAuditRecord[], seq: number): Evidence {
  return { ...endOf(rows.slice(0, seq)), at: "2026-11-22T10:00:00.000Z", keyId: "k", proves: true };
}

function replaced(rows: readonly StoredAuditRecord[], seq: number, change: Partial<StoredAuditRecord>) {
  return rows.map((row) => (row.seq === seq ? { ...row, ...change } : row));
}

function chainOf(length: number, chain = CHAIN): StoredAuditRecord[] {
  const records = Array.from({ length }, (_, index) =>
    recordOf(auditEntry({ after: { index } }), { seq: index + 1, previousHash: "", atMs: 1_795_000_000_000 + index }),
  );
  return rehashed(records, genesisHash(chain));
}

/** Links and hashes anew, as whoever has the code and the database can. */
function rehashed(records: readonly AuditRecord[], previousHash: string): StoredAuditRecord[] {
  const rows: StoredAuditRecord[] = [];
  for (const record of records) {
    const { hash: _, ...plain }: AuditRecord & { hash?: string } = record;
    const linked = { ...plain, previousHash: rows.at(-1)?.hash ?? previousHash };
    rows.push({ ...linked, hash: hashOf(linked) ?? "" });
  }
  return rows;
}
