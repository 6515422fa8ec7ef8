import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeCheckpoint } from "../../service/src/audit/audit-checkpoints.job.ts";
import type { AuditReport } from "../../service/src/audit/audit-report.ts";
import { appendToFolder } from "../../service/src/audit/checkpoints.file.ts";
import { openSigningKey } from "../../service/src/audit/signing-key.file.ts";
import { auditKeys, openAuditTrail } from "../../service/test/audit.ts";
import { startPostgres, type TestPostgres } from "../../service/test/postgres.ts";
import { describeWith } from "../../service/test/services.ts";
import { runForTest } from "../test/run.ts";

const PRIVATE_PEM = auditKeys.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const PUBLIC_PEM = auditKeys.publicKey.export({ type: "spki", format: "pem" }).toString();

describeWith(["postgres"], "sluice audit verify", () => {
  let server: TestPostgres;
  let parent: string;
  beforeAll(async () => {
    server = await startPostgres();
    parent = await mkdtemp(join(tmpdir(), "sluice-audit-cli-"));
  });
  afterAll(async () => {
    await server?.stop();
    await rm(parent, { recursive: true, force: true });
  });

  /** Five rows and a checkpoint in a folder; the public key in a file. */
  async function world() {
    const url = await server.migratedDatabase();
    const trail = await openAuditTrail({ url }, 5);
    const folder = await mkdtemp(join(parent, "checkpoints-"));
    const sinks = [appendToFolder.bind(null, folder)];
    await writeCheckpoint({ database: trail.sql, signingKey: auditKeys.privateKey, sinks }, Date.now());
    const publicKey = join(parent, "public.pem");
    await writeFile(publicKey, PUBLIC_PEM);
    const verify = async (words: string[], environment: Record<string, string> = {}) => {
      const settings = { SLUICE_DATABASE_URL: url, SLUICE_DATA_DIR: join(parent, "no-data"), ...environment };
      return await runForTest(["audit", "verify", ...words], settings);
    };
    return { ...trail, folder, publicKey, verify };
  }

  test("a whole trail is 0, with how far it is proven", async () => {
    await using w = await world();
    const run = await w.verify(["--checkpoints", w.folder, "--public-key", w.publicKey]);
    expect(run.exitCode).toBe(0);
    expect(JSON.parse(run.data) as AuditReport).toMatchObject({ verdict: "INTACT", rows: 5, provenUpTo: { seq: 5 } });
    expect(run.talk).toContain("INTACT: 5 rows up to position 5, 0 faults.");
    expect(run.talk).toContain("Proven up to position 5");
  });

  test("a trail that was tampered with is 1, with every fault in the data", async () => {
    await using w = await world();
    await w.tamper("delete from audit_logs where seq = 3");
    const run = await w.verify(["--checkpoints", w.folder, "--public-key", w.publicKey]);
    expect(run.exitCode).toBe(1);
    expect((JSON.parse(run.data) as AuditReport).faults).toMatchObject([{ kind: "MISSING", fromSeq: 3, toSeq: 3 }]);
  });

  test("key and folder come from the service's settings, or the key from its data folder", async () => {
    await using w = await world();
    const settings = { SLUICE_AUDIT_SIGNING_KEY: PRIVATE_PEM, SLUICE_AUDIT_CHECKPOINT_DIR: w.folder };
    expect(JSON.parse((await w.verify([], settings)).data)).toMatchObject({ provenUpTo: { seq: 5 } });
    const dataDir = join(parent, "data");
    const signingKey = await openSigningKey(null, dataDir);
    const own = await mkdtemp(join(parent, "own-"));
    await writeCheckpoint({ database: w.sql, signingKey, sinks: [appendToFolder.bind(null, own)] }, Date.now());
    const run = await w.verify(["--checkpoints", own], { SLUICE_DATA_DIR: dataDir });
    expect(JSON.parse(run.data)).toMatchObject({ provenUpTo: { seq: 5 } });
  });

  test("without checkpoints from outside it says that nothing is proven", async () => {
    await using w = await world();
    const run = await w.verify([]);
    expect(run).toMatchObject({ exitCode: 0, talk: expect.stringContaining("Proven: nothing.") });
    expect(run.talk).toContain("No public key was given");
  });

  test("what cannot be compared is said, each with its exit code", async () => {
    await using w = await world();
    const withKey = ["--public-key", w.publicKey];
    expect(await w.verify(["--checkpoints", w.folder])).toMatchObject({ exitCode: 2, data: "" });
    expect(await w.verify(["--checkpoints", join(parent, "absent"), ...withKey])).toMatchObject({ exitCode: 4 });
    expect(await w.verify(["--public-key", join(parent, "absent")])).toMatchObject({ exitCode: 2 });
    expect(await w.verify(["--public-key", join(w.folder, "..", "public.pem"), "--nonsense"])).toMatchObject({
      exitCode: 2,
    });
    expect(await w.verify([], { SLUICE_AUDIT_SIGNING_KEY: "hunter2" })).toMatchObject({ exitCode: 2 });
    const away = ["--database", "postgres://127.0.0.1:1/x"];
    expect(await w.verify(away)).toMatchObject({ exitCode: 69 });
    expect(await w.verify(["--database", await server.emptyDatabase()])).toMatchObject({
      exitCode: 1,
      talk: expect.stringContaining("audit_head"),
    });
  });

  test("sluice migrate gives the service's role its rights", async () => {
    const url = await server.emptyDatabase();
    const words = ["migrate", "--database", url];
    const missing = await runForTest(words, { SLUICE_SERVICE_DATABASE_ROLE: "absent" });
    expect(missing).toMatchObject({ exitCode: 1, talk: expect.stringContaining("There is no role absent.") });
    const admin = await openAuditTrail({ url });
    await admin.tamper("create role reader_of_nothing login");
    await admin[Symbol.asyncDispose]();
    const given = await runForTest(words, { SLUICE_SERVICE_DATABASE_ROLE: "reader_of_nothing" });
    expect(given.exitCode).toBe(0);
    await using trail = await openAuditTrail({ url: url.replace("postgres@", "reader_of_nothing@") }, 1);
    expect(await trail.verify()).toMatchObject({ verdict: "INTACT", rows: 1 });
  });
});
