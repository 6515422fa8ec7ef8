import { afterAll, beforeAll, expect, test } from "vitest";
import { acme, free, policy, pro, tenant } from "../../test/policies.ts";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { connectPostgres, openPostgres, type Postgres } from "../platform/postgres.ts";
import { deletePlan, putPlans } from "./plans.pg.ts";
import { deletePolicy, putPolicies } from "./policies.pg.ts";
import { changePolicies, type PolicyTransaction } from "./policy-changes.pg.ts";
import { readPolicies } from "./policy-read.pg.ts";
import type { PolicyTables } from "./policy-tables.ts";
import type { PolicyVersion } from "./snapshot.ts";
import { deleteTenant, putTenants, setTenantPlan } from "./tenants.pg.ts";

describeWithPostgres("the repository of plans, tenants and policies", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** A database with two plans and the tenant acme. */
  async function world() {
    const url = await server.migratedDatabase();
    const postgres: Postgres<PolicyTables> = openPostgres({ url, poolSize: 2 });
    const change = (work: (transaction: PolicyTransaction) => Promise<unknown>) => changePolicies(postgres.sql, work);
    const all = async () => {
      const read = await readPolicies(postgres.pool, null);
      if (read.kind !== "all") throw new Error(read.kind);
      const { tenants, plans, policies } = read.source;
      return { version: read.version, tenants: [...tenants], plans: [...plans], policies: [...policies] };
    };
    const since = (known: PolicyVersion) => readPolicies(postgres.pool, known);
    await change(async (transaction) => {
      await putPlans(transaction, [free, pro]);
      await putTenants(transaction, [acme], "Asia/Seoul");
    });
    return { url, change, all, since, [Symbol.asyncDispose]: () => postgres.close() };
  }

  test("what was put is what is read, in the product's words", async () => {
    await using w = await world();
    const export_ = policy({
      name: "acme-export",
      target: { kind: "TENANT", tenant: "acme" },
      httpMethod: "POST",
      limits: { perMinute: 0, quotaPerMonth: 10 ** 15 },
      fallback: "BLOCK_ALL",
      validity: { validFromMs: 1_000, validUntilMs: 4_102_444_800_000 },
      reason: "a campaign",
    });
    await w.change((t) => putPolicies(t, [export_, policy({ name: "everywhere" })]));
    const { tenants, plans, policies } = await w.all();
    expect(plans).toEqual([free, pro]);
    expect(tenants).toEqual([{ id: "acme", plan: "FREE", status: "ACTIVE", timeZone: "Asia/Seoul", nextPlan: null }]);
    const { reason, ...asPolicy } = export_;
    expect(reason).toBe("a campaign");
    expect(policies).toMatchObject([asPolicy, { name: "everywhere", validity: null, fallback: null }]);
  });

  test("a version stands for each change that touched something, and for no other", async () => {
    await using w = await world();
    expect((await w.change((t) => putPlans(t, [free]))).version).toBe(2);
    expect((await w.change(async () => undefined)).version).toBe(null);
    await expect(w.change((t) => deletePlan(t, "NONE"))).rejects.toThrow("There is no plan NONE.");
    expect((await w.all()).version.version).toBe(2);
  });

  test("a reader of the version before is given just what was touched and removed", async () => {
    await using w = await world();
    await w.change((t) => putPolicies(t, [policy({ name: "old" }), policy({ name: "other" })]));
    const before = await w.all();
    await w.change((t) => deletePolicy(t, "old"));
    await w.change((t) => putTenants(t, [tenant({ id: "globex" })], "UTC"));
    expect(await w.since(before.version)).toMatchObject({
      kind: "changed",
      version: { version: 4 },
      change: {
        plans: { changed: [], removed: [] },
        tenants: { changed: [{ id: "globex" }], removed: [] },
        policies: { changed: [], removed: [before.policies.find(({ name }) => name === "old")?.id] },
      },
    });
    expect(await w.since((await w.all()).version)).toMatchObject({ kind: "same" });
  });

  test("everything is read anew after a change of very many rows, and where the log does not reach back", async () => {
    await using w = await world();
    const { version } = await w.all();
    await w.change((t) =>
      putTenants(
        t,
        Array.from({ length: 1_500 }, (_, n) => tenant({ id: `t${n}` })),
        "UTC",
      ),
    );
    expect((await w.since(version)).kind).toBe("all");
    const later = (await w.all()).version;
    await w.change((t) => putPlans(t, [free]));
    expect((await w.since(later)).kind).toBe("changed");
    await run(w.url, "update policy_version set version = version + 10000");
    await w.change((t) => putPlans(t, [free]));
    expect((await w.since(later)).kind).toBe("all");
    expect(await run(w.url, "select count(*)::int as kept from policy_changes")).toEqual([{ kept: 1 }]);
  });

  test("version and rows belong together, whatever is committed while they are read", async () => {
    await using w = await world();
    await w.change((t) => putPolicies(t, [policy({ name: "early" })]));
    const holder = await connectPostgres({ url: w.url });
    await holder.query("begin");
    await holder.query("lock table plans in access exclusive mode");
    const reading = w.all();
    await waitFor("the reader to wait for the plans", async () => {
      const locks = "select 1 from pg_locks where not granted and relation = 'plans'::regclass";
      return (await run(w.url, locks)).length === 1;
    });
    await w.change((t) => deletePolicy(t, "early"));
    await holder.query("commit");
    await holder.end();
    const { version, policies } = await reading;
    expect([version.version, policies.map(({ name }) => name)]).toEqual([2, ["early"]]);
    expect((await w.all()).policies).toEqual([]);
  });

  test("an override that ended long ago is not read", async () => {
    await using w = await world();
    const validity = { validFromMs: 1_000, validUntilMs: 2_000 };
    await w.change((t) => putPolicies(t, [policy({ name: "over", validity, reason: "was" })]));
    expect((await w.all()).policies).toEqual([]);
  });

  test("a policy replaced under its name keeps its id; a second one of the same key is refused by name", async () => {
    await using w = await world();
    await w.change((t) => putPolicies(t, [policy({ name: "a", apiPattern: "/v1/**" })]));
    const [before] = (await w.all()).policies;
    await w.change((t) => putPolicies(t, [policy({ name: "a", apiPattern: "/v1/**", limits: { perDay: 5 } })]));
    expect((await w.all()).policies).toEqual([{ ...before, limits: { perDay: 5 } }]);
    const twin = w.change((t) => putPolicies(t, [policy({ name: "b", apiPattern: "/v1/**" })]));
    await expect(twin).rejects.toMatchObject({ code: "TAKEN", message: expect.stringContaining("temporary override") });
  });

  test("what does not exist cannot be referred to", async () => {
    await using w = await world();
    const refused = { code: "UNKNOWN_REFERENCE" };
    await expect(w.change((t) => putTenants(t, [tenant({ id: "x", plan: "GOLD" })], "UTC"))).rejects.toMatchObject({
      ...refused,
      message: "There is no plan GOLD: create it first.",
    });
    await expect(w.change((t) => setTenantPlan(t, "acme", "GOLD", null))).rejects.toMatchObject(refused);
    const ofPlan = policy({ name: "p", target: { kind: "PLAN", plan: "GOLD" } });
    await expect(w.change((t) => putPolicies(t, [ofPlan]))).rejects.toMatchObject(refused);
    const ofTenant = policy({ name: "p", target: { kind: "TENANT", tenant: "nobody" } });
    await expect(w.change((t) => putPolicies(t, [ofTenant]))).rejects.toMatchObject(refused);
    expect((await w.all()).version.version).toBe(1);
  });

  test("what is in use cannot be deleted, and the refusal names the users", async () => {
    await using w = await world();
    await w.change(async (t) => {
      await putTenants(
        t,
        Array.from({ length: 6 }, (_, n) => tenant({ id: `t${n}` })),
        "UTC",
      );
      await putPolicies(t, [
        policy({ name: "pro-only", target: { kind: "PLAN", plan: "PRO" } }),
        policy({ name: "acme-only", target: { kind: "TENANT", tenant: "acme" } }),
      ]);
      await setTenantPlan(t, "acme", "PRO", 4_102_444_800_000);
    });
    await expect(w.change((t) => deletePlan(t, "FREE"))).rejects.toMatchObject({
      code: "IN_USE",
      message: expect.stringContaining("tenant acme, tenant t0, tenant t1, tenant t2, tenant t3 and 2 more"),
    });
    await expect(w.change((t) => deletePlan(t, "PRO"))).rejects.toThrow("tenant acme, policy pro-only");
    await expect(w.change((t) => deleteTenant(t, "acme"))).rejects.toThrow("in use by policy acme-only");
    await w.change(async (t) => {
      await deletePolicy(t, "acme-only");
      await deletePolicy(t, "pro-only");
      await deleteTenant(t, "acme");
      await deletePlan(t, "PRO");
    });
    expect((await w.all()).plans).toEqual([free]);
  });

  test("a tenant created on a plan while that plan is deleted: one of the two is refused", async () => {
    await using w = await world();
    const both = await Promise.allSettled([
      w.change((t) => putTenants(t, [tenant({ id: "late", plan: "PRO" })], "UTC")),
      w.change((t) => deletePlan(t, "PRO")),
    ]);
    expect(both.filter(({ status }) => status === "rejected")).toHaveLength(1);
  });

  test("a deleted tenant's id is reserved until its month has closed, and new after that", async () => {
    await using w = await world();
    await w.change((t) => deleteTenant(t, "acme"));
    expect((await w.all()).tenants).toEqual([]);
    const monthEnd = "date_trunc('month', now() at time zone 'Asia/Seoul') + interval '1 month'";
    const isMonthEnd = `(${monthEnd}) at time zone 'Asia/Seoul' = reserved_until as is_month_end`;
    expect(await run(w.url, `select ${isMonthEnd} from tenants`)).toEqual([{ is_month_end: true }]);
    const again = tenant({ id: "acme", plan: "PRO" });
    await expect(w.change((t) => putTenants(t, [again], "UTC"))).rejects.toMatchObject({ code: "RESERVED" });
    await expect(w.change((t) => setTenantPlan(t, "acme", "PRO", null))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await run(w.url, "update tenants set reserved_until = now()");
    await w.change((t) => putTenants(t, [again], "UTC"));
    expect((await w.all()).tenants).toMatchObject([{ id: "acme", plan: "PRO", timeZone: "UTC" }]);
  });

  test("a plan changes now or later; what is in force goes on until the later instant", async () => {
    await using w = await world();
    const atMs = 4_102_444_800_000;
    await w.change((t) => setTenantPlan(t, "acme", "PRO", atMs));
    expect((await w.all()).tenants).toMatchObject([{ plan: "FREE", nextPlan: { plan: "PRO", atMs } }]);
    await run(w.url, "update tenants set next_plan_at = now()");
    await w.change((t) => setTenantPlan(t, "acme", "FREE", atMs));
    expect((await w.all()).tenants).toMatchObject([{ plan: "PRO", nextPlan: { plan: "FREE", atMs } }]);
    await w.change((t) => setTenantPlan(t, "acme", "FREE", null));
    expect((await w.all()).tenants).toMatchObject([{ plan: "FREE", nextPlan: null }]);
  });

  test("replacing a tenant keeps its zone where none is named, and a plan change still to come", async () => {
    await using w = await world();
    await w.change((t) => setTenantPlan(t, "acme", "PRO", 4_102_444_800_000));
    await w.change((t) => putTenants(t, [tenant({ id: "acme", status: "SUSPENDED" })], "UTC"));
    expect((await w.all()).tenants).toMatchObject([
      { status: "SUSPENDED", timeZone: "Asia/Seoul", nextPlan: { plan: "PRO" } },
    ]);
  });

  test("limits out of range are refused by the database too", async () => {
    await using w = await world();
    for (const limits of [{ perSecond: -2 }, { perDay: 10 ** 10 + 1 }, { quotaPerDay: 10 ** 15 + 1 }]) {
      await expect(w.change((t) => putPlans(t, [{ name: "X", limits }]))).rejects.toMatchObject({
        code: "OUT_OF_RANGE",
      });
    }
  });

  test("every change of a row gives it another etag, an edit by hand too", async () => {
    await using w = await world();
    const etag = async () => (await run(w.url, "select etag from plans where name = 'FREE'"))[0]?.etag;
    const first = await etag();
    await run(w.url, "update plans set per_second = 1 where name = 'FREE'");
    expect(await etag()).not.toBe(first);
  });

  test("a role that may only read the tables can follow the policies", async () => {
    await using w = await world();
    await run(w.url, "create role reader login");
    await run(w.url, "grant select on all tables in schema public to reader");
    const postgres = openPostgres<PolicyTables>({ url: w.url.replace("postgres@", "reader@") });
    const known = (await w.all()).version;
    expect(await readPolicies(postgres.pool, known)).toEqual({ kind: "same", version: known });
    await postgres.close();
  });
});
