import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPostgres } from "../../service/src/platform/postgres.ts";
import { startPostgres, type TestPostgres } from "../../service/test/postgres.ts";
import { describeWith } from "../../service/test/services.ts";
import { runForTest } from "../test/run.ts";

const SECRET = { SLUICE_NEW_PASSWORD: "kettle-orbit-plum-47" };
const FIRST = ["user", "create", "Han.Seo", "--first-admin"];

test("in the embedded database the first admin is made, once", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-first-"));
  const settings = { ...SECRET, SLUICE_DATA_DIR: folder };
  const run = await runForTest(FIRST, settings);
  expect(run.exitCode).toBe(0);
  expect(JSON.parse(run.data)).toMatchObject({ loginId: "han.seo", role: "ADMIN", tenants: null });
  expect(await runForTest(["user", "create", "lee", "--first-admin"], settings)).toMatchObject({
    exitCode: 5,
    data: "",
  });
  await rm(folder, { recursive: true, force: true });
});

describeWith(["postgres"], "on PostgreSQL", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  test("of several that are made at once one is made, with its row in the audit trail", async () => {
    const url = await server.migratedDatabase();
    const runs = await Promise.all(
      ["a.one", "b.two", "c.three"].map((id) =>
        runForTest(["users", "create", id, "--first-admin", "--database", url], SECRET),
      ),
    );
    expect(runs.map(({ exitCode }) => exitCode).sort()).toEqual([0, 5, 5]);
    const postgres = openPostgres<Record<string, never>>({ url, poolSize: 1 });
    const { rows } = await postgres.pool.query("select login_id from users");
    const trail = await postgres.pool.query("select to_jsonb(audit_logs) as line from audit_logs");
    await postgres.close();
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(trail.rows)).toContain("command line");
    expect(trail.rows).toHaveLength(1);
  });

  test("what stands in the way is said, each with its exit code", async () => {
    const empty = await server.emptyDatabase();
    const on = (url: string, more: Record<string, string> = {}) =>
      runForTest([...FIRST, "--database", url], { ...SECRET, ...more });
    expect(await on(empty)).toMatchObject({ exitCode: 5, talk: expect.stringContaining("sluice migrate") });
    expect(await on(empty.replace("postgres@", "nobody@"))).toMatchObject({ exitCode: 3 });
    expect(await on("postgres://127.0.0.1:1/x")).toMatchObject({ exitCode: 69 });
    expect(await on("mysql://127.0.0.1/x")).toMatchObject({ exitCode: 2 });
    expect(await on(empty, { SLUICE_NEW_PASSWORD: "password1234" })).toMatchObject({ exitCode: 2 });
    expect(await runForTest(["user", "create", "no spaces", "--first-admin"], SECRET)).toMatchObject({ exitCode: 2 });
  });
});
