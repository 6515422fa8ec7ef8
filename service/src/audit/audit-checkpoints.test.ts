import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { auditKeys, auditPublicKeys, openAuditTrail } from "../../test/audit.ts";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { createLog } from "../platform/log.ts";
import { logSink, startAuditCheckpoints, writeCheckpoint } from "./audit-checkpoints.job.ts";
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
    const writer = { database: trail.sql, signingKey: auditKeys.privateKey, sinks: [sink] };
    const write = (nowMs: number) => writeCheckpoint(writer, nowMs);
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
    await writeCheckpoint(stranger, NOON_MS);
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
    await expect(writeCheckpoint(failing, NOON_MS)).rejects.toThrow("the folder is full");
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
    await waitFor("the first checkpoint", () => w.left.length === 1);
    isBroken = true;
    await w.append();
    await waitFor("a fault", () => faults.length > 0);
    isBroken = false;
    await waitFor("the row to be vouched for", () => w.left.at(-1)?.seq === 1);
    await job.close();
    await w.append();
    expect(w.left.map(({ seq }) => seq)).toEqual([0, 1]);
  });

  test("the log carries a checkpoint whole, whatever its level, and a collected log proves like a folder", async () => {
    await using w = await world();
    await w.append();
    const lines: string[] = [];
    const log = createLog("error", {}, { write: (line) => void lines.push(line) });
    const checkpoint = await writeCheckpoint({ ...w.writer, sinks: [logSink(log)] }, NOON_MS);
    expect(lines.map(parseCheckpointLine)).toEqual([checkpoint]);
    const outside = lines.flatMap((line) => parseCheckpointLine(line) ?? []);
    expect((await w.verify(outside)).provenUpTo?.seq).toBe(1);
  });
});
