import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { auditKeys, auditPublicKeys, openAuditTrail } from "../../test/audit.ts";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { createLog } from "../platform/log.ts";
import { type CheckpointWriter, logSink, startAuditCheckpoints, writeCheckpoint } from "./audit-checkpoints.job.ts";
import { checkSignature, parseCheckpointLine, type SignedCheckpoint } from "./checkpoint.ts";

const NOON_MS = Date.UTC(2026, 10, 22, 12);
const HOUR_MS = 3_600_000;

describeWithPostgres("checkpoints of the audit trail", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world() {
    const url = await server.migratedDatabase();
    const trail = await openAuditTrail({ url });
    const left: SignedCheckpoint[] = [];
    const sink = (checkpoint: SignedCheckpoint) => void left.push(checkpoint);
    const writer: CheckpointWriter = { database: trail.sql, signingKey: auditKeys.privateKey, sinks: [sink] };
    /** Null where none was written. */
    const write = async (nowMs: number, by = writer) => {
      const round = await writeCheckpoint(by, nowMs);
      return round.kind === "written" ? round.checkpoint : null;
    };
    return { ...trail, url, left, writer, write };
  }

  test("what leaves is signed and says where the chain ends, in which database", async () => {
    await using w = await world();
    const { hash } = await w.append();
    const checkpoint = await w.write(NOON_MS);
    const [{ chain, system } = {}] = await run(
      w.url,
      "select chain, (pg_control_system()).system_identifier::text as system from audit_head",
    );
    expect(checkpoint).toMatchObject({
      seq: 1,
      hash,
      chain,
      systemId: system,
      timeline: 1,
      at: "2026-11-22T12:00:00.000Z",
    });
    expect(w.left).toEqual([checkpoint]);
    expect(checkSignature(w.left[0]!, auditPublicKeys)).toBe("valid");
    expect(await run(w.url, "select checkpoint from audit_checkpoints")).toEqual([{ checkpoint }]);
  });

  test("a chain that stands still is vouched for once an hour, one that moves each time", async () => {
    await using w = await world();
    const written: (number | null)[] = [];
    const write = async (nowMs: number) => written.push((await w.write(nowMs))?.seq ?? null);
    await write(NOON_MS);
    await write(NOON_MS + 1);
    await write(NOON_MS + HOUR_MS - 1);
    await write(NOON_MS + HOUR_MS);
    await w.append();
    await write(NOON_MS + HOUR_MS + 1);
    await write(NOON_MS + HOUR_MS + 2);
    expect(written).toEqual([0, null, null, 0, 1, null]);
  });

  test("a checkpoint in the table that this key did not sign, or a clock ahead, silences nobody", async () => {
    await using w = await world();
    await w.append();
    const stranger = { ...w.writer, signingKey: generateKeyPairSync("ed25519").privateKey, sinks: [] };
    await w.write(NOON_MS, stranger);
    expect((await w.write(NOON_MS))?.seq).toBe(1);
    await w.tamper(
      "insert into audit_checkpoints (checkpoint) select jsonb_set(checkpoint, '{at}', '\"2026-11-22T13:00:00.000Z\"') from audit_checkpoints",
    );
    expect((await w.write(NOON_MS + HOUR_MS))?.seq).toBe(1);
    expect(await w.write(NOON_MS)).not.toBe(null);
  });

  test("a sink that fails leaves the checkpoint unwritten, and the next attempt carries it out", async () => {
    await using w = await world();
    await w.append();
    const failing = { ...w.writer, sinks: [() => Promise.reject(new Error("the folder is full"))] };
    await expect(w.write(NOON_MS, failing)).rejects.toThrow("the folder is full");
    expect(await run(w.url, "select from audit_checkpoints")).toEqual([]);
    expect((await w.write(NOON_MS))?.seq).toBe(1);
  });

  test("one instance writes while the others pass", async () => {
    await using w = await world();
    await w.append();
    const written = await Promise.all(Array.from({ length: 8 }, () => w.write(NOON_MS)));
    expect(written.filter((checkpoint) => checkpoint !== null)).toHaveLength(1);
    expect(w.left).toHaveLength(1);
  });

  test("the job writes by itself, goes on after a fault, and ends", async () => {
    await using w = await world();
    const faults: unknown[] = [];
    let isBroken = false;
    const breakable = (checkpoint: SignedCheckpoint) => {
      if (isBroken) throw new Error("broken");
      w.left.push(checkpoint);
    };
    const job = startAuditCheckpoints({ ...w.writer, sinks: [breakable] }, (fault) => faults.push(fault), 5);
    expect(job.tally()).toEqual({ failures: 0, lastLeftAtMs: null, vouchedAtMs: null });
    await waitFor("the first checkpoint", () => w.left.length === 1);
    const leftAtMs = (index: number) => Date.parse(w.left[index]?.at ?? "");
    await waitFor("it is told", () => job.tally().lastLeftAtMs === leftAtMs(0));
    // A chain that stands still is found vouched for again and again, by the same checkpoint.
    await waitFor("a later look", () => (job.tally().vouchedAtMs ?? 0) > leftAtMs(0));
    expect(job.tally().lastLeftAtMs).toBe(leftAtMs(0));

    isBroken = true;
    await w.append();
    await waitFor("some faults", () => job.tally().failures > 2);
    const broken = job.tally();
    expect(broken).toMatchObject({ failures: faults.length, lastLeftAtMs: leftAtMs(0) });
    await waitFor("another fault", () => job.tally().failures > broken.failures);
    expect(job.tally().vouchedAtMs).toBe(broken.vouchedAtMs);
    isBroken = false;
    await waitFor("the row to be vouched for", () => w.left.at(-1)?.seq === 1);
    await waitFor("it is told", () => job.tally().lastLeftAtMs === leftAtMs(1));
    await job.close();
    await w.append();
    expect(w.left.map(({ seq }) => seq)).toEqual([0, 1]);
  });

  test("old ones in the table are thinned to the last of each day by each that is added, and nobody else removes any", async () => {
    await using w = await world();
    const add = (writtenAt: string) =>
      w.tamper(`insert into audit_checkpoints (checkpoint, written_at) values ('{}', ${writtenAt})`);
    for (const day of ["now() - interval '36 days'", "now() - interval '400 days'"]) {
      for (const time of ["00:00", "11:30", "23:59:59.999"]) {
        await add(`(((${day}) at time zone 'UTC')::date + time '${time}') at time zone 'UTC'`);
      }
    }
    await add("now() - interval '34 days'");
    await add("now() - interval '34 days'");
    await expect(run(w.url, "delete from audit_checkpoints")).rejects.toThrow("is refused");
    await w.write(NOON_MS);
    const kept = await run(
      w.url,
      "select to_char(written_at at time zone 'UTC', 'HH24:MI') as time, now() - written_at > interval '35 days' as old from audit_checkpoints order by written_at",
    );
    expect(kept.filter(({ old }) => old).map(({ time }) => time)).toEqual(["23:59", "23:59"]);
    expect(kept.filter(({ old }) => !old)).toHaveLength(3);
  });

  test("the log carries a checkpoint whole, whatever its level, and a collected log proves like a folder", async () => {
    await using w = await world();
    await w.append();
    const lines: string[] = [];
    const log = createLog("error", {}, { write: (line) => void lines.push(line) });
    const checkpoint = await w.write(NOON_MS, { ...w.writer, sinks: [logSink(log)] });
    expect(lines.map(parseCheckpointLine)).toEqual([checkpoint]);
    const outside = lines.flatMap((line) => parseCheckpointLine(line) ?? []);
    expect((await w.verify(outside)).provenUpTo?.seq).toBe(1);
  });
});
