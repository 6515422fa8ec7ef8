import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AuditTrail, auditEntry, auditKeys, openAuditTrail } from "../../test/audit.ts";
import { startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { writeCheckpoint } from "./audit-checkpoints.job.ts";
import type { AuditReport } from "./audit-report.ts";
import { type SignedCheckpoint, signCheckpoint } from "./checkpoint.ts";

const NOON_MS = Date.UTC(2026, 10, 22, 12);
/** The columns that make up a row, of another row. */
const CONTENT =
  "at, format, actor_kind, actor_id, actor_login, actor_role, action, resource_kind, resource_id, tenant, address, " +
  "user_agent, request_id, outcome, before, after, previous_hash, hash";

describeWithPostgres("verifying the audit trail against a superuser", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** Twenty rows, and outside a checkpoint after each five. */
  async function world() {
    const trail = await openAuditTrail({ url: await server.migratedDatabase() });
    const outside: SignedCheckpoint[] = [];
    for (let checkpoint = 1; checkpoint <= 4; checkpoint++) {
      for (let row = 1; row <= 5; row++) await trail.append(auditEntry({ after: { checkpoint, row } }));
      await writeCheckpoint(writerOf(trail, outside), NOON_MS + checkpoint);
    }
    return { ...trail, outside };
  }

  test("an untouched trail is whole and proven up to its last checkpoint, and newer rows are said to be unproven", async () => {
    await using w = await world();
    expect(await w.verify(w.outside)).toMatchObject({
      verdict: "INTACT",
      rows: 20,
      provenUpTo: { seq: 20, at: "2026-11-22T12:00:00.004Z" },
      checkpoints: { outside: 4, inside: 4 },
      notes: [],
    });
    await w.append();
    const later = await w.verify(w.outside);
    expect(later).toMatchObject({ verdict: "INTACT", provenUpTo: { seq: 20 } });
    expect(later.notes).toEqual([expect.stringContaining("The last 1 rows are newer")]);
  });

  test("a deleted row is found", async () => {
    await using w = await world();
    await w.tamper("delete from audit_logs where seq = 8");
    const report = await w.verify(w.outside);
    expect(faultsOf(report)).toEqual(["MISSING 8-8"]);
    expect(report).toMatchObject({ verdict: "TAMPERED", provenUpTo: { seq: 5 } });
  });

  test.each([
    ["actor", "actor_login = 'lee'"],
    ["action", "action = 'tenant.delete'"],
    ["instant", "at = at + interval '1 millisecond'"],
    ["value deep in the change", "after = jsonb_set(after, '{row}', '999')"],
    ["address", "address = null"],
    ["hash", "hash = sha256('x')"],
    ["link", "previous_hash = sha256('x')"],
    ["format", "format = 2"],
  ])("a changed %s is found", async (_, change) => {
    await using w = await world();
    await w.tamper(`update audit_logs set ${change} where seq = 8`);
    expect(faultsOf(await w.verify(w.outside))).toEqual(["CHANGED 8-8"]);
  });

  test("rows that changed places are found, whether by their positions or by all they hold", async () => {
    await using w = await world();
    await w.tamper("update audit_logs set seq = case seq when 8 then 12 else 8 end where seq in (8, 12)");
    expect(faultsOf(await w.verify(w.outside))).toEqual(["MOVED 8-8", "MOVED 12-12"]);
    await using v = await world();
    await v.tamper(
      `update audit_logs as a set (${CONTENT}) = (select ${CONTENT} from audit_logs as b where b.seq = 20 - a.seq) where seq in (8, 12)`,
    );
    expect(faultsOf(await v.verify(v.outside))).toEqual(["MOVED 8-8", "MOVED 12-12"]);
  });

  test("a row put into the middle is found, beside another or in a gap made for it", async () => {
    await using w = await world();
    await w.tamper(`insert into audit_logs (seq, ${CONTENT}) select 8, ${CONTENT} from audit_logs where seq = 15`);
    expect(faultsOf(await w.verify(w.outside))).toEqual(["INSERTED 8-8", "MOVED 8-8"]);
    await using v = await world();
    await v.tamper(
      "update audit_logs set seq = seq + 1 where seq >= 19",
      `insert into audit_logs (seq, ${CONTENT}) select 19, ${CONTENT} from audit_logs where seq = 15`,
    );
    expect(faultsOf(await v.verify(v.outside))).toEqual(["MOVED 19-19", "MOVED 20-20", "MOVED 21-21", "HEAD 21-21"]);
  });

  test("rows cut off the end are found by a checkpoint outside, and without one nobody claims to know", async () => {
    await using w = await world();
    await w.tamper(
      "delete from audit_logs where seq > 17",
      "delete from audit_checkpoints",
      "update audit_head set (seq, hash, at) = (select seq, hash, at from audit_logs where seq = 17)",
    );
    const proven = await w.verify(w.outside);
    expect(faultsOf(proven)).toEqual(["TRUNCATED 18-20"]);
    expect(proven.provenUpTo?.seq).toBe(15);
    const unproven = await w.verify(null);
    expect(unproven).toMatchObject({ verdict: "INTACT", provenUpTo: null, checkpoints: { outside: 0, inside: 0 } });
    expect(unproven.notes).toEqual([expect.stringContaining("No checkpoint from outside proves anything")]);
  });

  test("who forgets the head or the checkpoints inside is found without any from outside", async () => {
    await using w = await world();
    await w.tamper("delete from audit_logs where seq > 17");
    expect(faultsOf(await w.verify())).toEqual(["TRUNCATED 18-20"]);
    await w.tamper("update audit_head set (seq, hash, at) = (select seq, hash, at from audit_logs where seq = 17)");
    expect(faultsOf(await w.verify())).toEqual(["TRUNCATED 18-20"]);
    await using v = await world();
    await v.tamper("truncate audit_logs", "delete from audit_head");
    expect(faultsOf(await v.verify(v.outside))).toEqual(["HEAD 0-0", "TRUNCATED 1-20"]);
  });

  test("a past rewritten with every hash is found by checkpoints outside, and named by the two around it", async () => {
    await using w = await world();
    await w.tamper(
      "delete from audit_logs where seq > 12",
      "delete from audit_checkpoints",
      "update audit_head set (seq, hash, at) = (select seq, hash, at from audit_logs where seq = 12)",
    );
    for (let row = 13; row <= 20; row++) await w.append(auditEntry({ actor: { kind: "SYSTEM", id: "somebody else" } }));
    expect((await w.verify()).verdict).toBe("INTACT");
    const report = await w.verify(w.outside);
    expect(faultsOf(report)).toEqual(["REWRITTEN 11-15"]);
    expect(report.provenUpTo?.seq).toBe(10);
  });

  test("a chain given another name is another chain", async () => {
    await using w = await world();
    await w.tamper("update audit_head set chain = gen_random_uuid()");
    const kinds = (await w.verify(w.outside)).faults.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind !== "FOREIGN_CHECKPOINT")).toEqual(["UNLINKED"]);
    expect(kinds).toHaveLength(9);
  });

  test("a checkpoint with a forged signature is refused, and one by a stranger's key is left out", async () => {
    await using w = await world();
    const last = w.outside.at(-1);
    if (last === undefined) throw new Error("The world has no checkpoint.");
    for (const forged of [
      { ...last, seq: 25 },
      { ...last, hash: "0".repeat(64) },
      { ...last, signature: "" },
    ]) {
      const report = await w.verify([...w.outside.slice(0, 3), forged]);
      expect(faultsOf(report)).toEqual([`FORGED_CHECKPOINT ${forged.seq}-${forged.seq}`]);
      expect(report.provenUpTo?.seq).toBe(15);
    }
    const { privateKey } = generateKeyPairSync("ed25519");
    const stranger = await w.verify([signCheckpoint({ ...last, seq: 25 }, NOON_MS, privateKey)]);
    expect(stranger).toMatchObject({ verdict: "INTACT", provenUpTo: null });
    expect(stranger.notes[0]).toContain("signed by keys that were not given");
  });

  test("what is no checkpoint at all in the table is passed over", async () => {
    await using w = await world();
    await w.tamper(
      "insert into audit_checkpoints (checkpoint) values ('null'), ('5'), ('{}')",
      "insert into audit_checkpoints (checkpoint) select jsonb_set(checkpoint, '{timeline}', '1e400') from audit_checkpoints where id = 1",
    );
    expect(faultsOf(await w.verify())).toEqual(["FORGED_CHECKPOINT 5-5"]);
  });

  test("a trail that grows while it is verified is no fault", async () => {
    await using w = await world();
    let isDone = false;
    const growing = (async () => {
      while (!isDone) {
        await w.append();
        await writeCheckpoint(writerOf(w, []), NOON_MS);
      }
    })();
    const reports: AuditReport[] = [];
    for (let round = 0; round < 10; round++) reports.push(await w.verify(w.outside));
    isDone = true;
    await growing;
    expect(reports.flatMap(faultsOf)).toEqual([]);
    expect(reports.at(-1)?.rows).toBeGreaterThan(20);
  });
});

function writerOf(trail: Pick<AuditTrail, "sql">, outside: SignedCheckpoint[]) {
  const sink = (checkpoint: SignedCheckpoint) => void outside.push(checkpoint);
  return { database: trail.sql, signingKey: auditKeys.privateKey, sinks: [sink] };
}

function faultsOf({ faults }: AuditReport): string[] {
  return faults.map(({ kind, fromSeq, toSeq }) => `${kind} ${fromSeq}-${toSeq}`);
}
