import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { openPostgres } from "../platform/postgres.ts";
import { deletePolicy } from "./policies.pg.ts";
import { changePolicies } from "./policy-changes.pg.ts";
import { applyPolicyFile } from "./policy-file.pg.ts";
import { parsePolicyFile } from "./policy-file.ts";
import type { PolicyTables } from "./policy-tables.ts";
import { deleteTenant } from "./tenants.pg.ts";

const FILE = `
plans:
  - { name: FREE, limits: { perSecond: 20 } }
  - { name: PRO, limits: { perSecond: 100 } }
tenants:
  - { id: acme, plan: FREE }
apiPolicies:
  - { name: export, target: { tenant: acme }, httpMethod: POST, apiPattern: /export, scope: TENANT_API, limits: { perDay: 9 } }
`;
/** The same rows: another hash. */
const FILE_AGAIN = `${FILE}# reviewed\n`;

describeWithPostgres("a policy file applied to the database", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world() {
    const url = await server.migratedDatabase();
    const postgres = openPostgres<PolicyTables>({ url });
    const apply = async (text: string, isForced = false) => {
      const parsed = parsePolicyFile(text);
      if (parsed.kind === "faulty") throw new Error(JSON.stringify(parsed.faults));
      return await applyPolicyFile(postgres.sql, parsed.file, { isForced, defaultTimeZone: "UTC" });
    };
    const version = async () => (await run(url, "select version::int from policy_version"))[0]?.version;
    return { url, postgres, apply, version, [Symbol.asyncDispose]: () => postgres.close() };
  }

  test("it is applied once, in one version, however many instances start with it", async () => {
    await using w = await world();
    const results = await Promise.all([w.apply(FILE), w.apply(FILE), w.apply(FILE)]);
    expect(results.map(({ kind }) => kind).sort()).toEqual(["applied", "known", "known"]);
    expect(results).toContainEqual({ kind: "applied", written: 4, kept: [] });
    expect(await w.version()).toBe(1);
  });

  test("a changed file writes just the rows that differ, and one with the same rows publishes nothing", async () => {
    await using w = await world();
    await w.apply(FILE);
    expect(await w.apply(FILE_AGAIN)).toEqual({ kind: "applied", written: 0, kept: [] });
    expect(await w.version()).toBe(1);
    expect(await w.apply(FILE.replace("perDay: 9", "perDay: 10"))).toEqual({ kind: "applied", written: 1, kept: [] });
    expect(await run(w.url, "select kind, version::int from policy_changes where version = 2")).toEqual([
      { kind: "POLICY", version: 2 },
    ]);
  });

  test("rows changed, deleted or created by hand are kept and reported; force overwrites them", async () => {
    await using w = await world();
    await run(w.url, "insert into plans (name, per_second) values ('PRO', 7)");
    expect(await w.apply(FILE)).toEqual({
      kind: "applied",
      written: 3,
      kept: [{ kind: "PLAN", key: "PRO", because: "changed by hand" }],
    });
    await run(w.url, "update plans set per_second = 1 where name = 'FREE'");
    await changePolicies(w.postgres.sql, (t) => deletePolicy(t, "export"));
    expect(await w.apply(FILE_AGAIN)).toEqual({
      kind: "applied",
      written: 0,
      kept: [
        { kind: "PLAN", key: "FREE", because: "changed by hand" },
        { kind: "PLAN", key: "PRO", because: "changed by hand" },
        { kind: "POLICY", key: "export", because: "deleted by hand" },
      ],
    });
    expect(await w.apply(FILE_AGAIN)).toEqual({ kind: "known" });
    expect(await w.apply(FILE_AGAIN, true)).toEqual({ kind: "applied", written: 3, kept: [] });
    const limits = "select name, per_second::int from plans order by name";
    expect(await run(w.url, limits)).toEqual([
      { name: "FREE", per_second: 20 },
      { name: "PRO", per_second: 100 },
    ]);
    expect(await w.apply(FILE.replace("perSecond: 20", "perSecond: 21"))).toMatchObject({ written: 1, kept: [] });
  });

  test("a row set back by hand to what the file says is the file's again", async () => {
    await using w = await world();
    await w.apply(FILE);
    await run(w.url, "update plans set per_second = 1 where name = 'FREE'");
    await run(w.url, "update plans set per_second = 20 where name = 'FREE'");
    expect(await w.apply(FILE_AGAIN)).toEqual({ kind: "applied", written: 0, kept: [] });
    expect(await w.apply(FILE.replace("perSecond: 20", "perSecond: 21"))).toMatchObject({ written: 1, kept: [] });
  });

  test("what the file names may exist in the database already; what exists nowhere changes nothing", async () => {
    await using w = await world();
    const partial = "tenants: [{ id: globex, plan: GOLD }]\nplans: [{ name: FREE, limits: { perDay: 1 } }]\n";
    expect(await w.apply(partial)).toMatchObject({
      kind: "faulty",
      faults: [{ line: 1, problem: "names the plan GOLD, which does not exist: declare it" }],
    });
    expect([await w.version(), await run(w.url, "select * from plans")]).toEqual([0, []]);
    await run(w.url, "insert into plans (name) values ('GOLD')");
    expect(await w.apply(partial)).toEqual({ kind: "applied", written: 2, kept: [] });
  });

  test("a refusal halfway changes nothing at all", async () => {
    await using w = await world();
    await run(w.url, "insert into plans (name) values ('FREE')");
    await run(w.url, "insert into tenants (id, name, plan, time_zone) values ('acme', 'Acme', 'FREE', 'UTC')");
    await changePolicies(w.postgres.sql, (t) => deleteTenant(t, "acme"));
    await expect(w.apply(FILE)).rejects.toMatchObject({ code: "RESERVED" });
    expect([await w.version(), await run(w.url, "select name from plans")]).toEqual([1, [{ name: "FREE" }]]);
    expect(await run(w.url, "select * from policy_file")).toEqual([]);
  });
});
