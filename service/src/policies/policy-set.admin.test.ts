import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { openAdminWorld } from "../admin/admin.world.ts";
import { planRoutes } from "./plans.admin.ts";
import { policyRoutes } from "./policies.admin.ts";
import { policySetRoutes } from "./policy-set.admin.ts";
import type { PolicyTables } from "./policy-tables.ts";
import { tenantRoutes } from "./tenants.admin.ts";

const PATH = "/admin/policy-set";
const SET = {
  plans: [
    { name: "FREE", limits: { perSecond: 20, quotaPerMonth: 200_000 } },
    { name: "PRO", limits: { perSecond: 200 } },
  ],
  tenants: [{ id: "acme", name: "Acme Corp", plan: "FREE", timeZone: "Asia/Seoul", status: "ACTIVE" }],
  apiPolicies: [
    {
      name: "acme-export",
      target: { tenant: "acme" },
      httpMethod: "POST",
      apiPattern: "/v1/report/export",
      scope: "TENANT_API",
      limits: { perMinute: 10 },
      enforcement: "ENFORCE",
      enabled: true,
      fallback: "BLOCK_ALL",
    },
  ],
};

describeWithPostgres("the whole policy set through the Admin API", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function open() {
    const url = await server.migratedDatabase();
    const world = await openAdminWorld(url, ({ sql }) => {
      const reader = sql.$pickTables<keyof PolicyTables>();
      return [
        ...planRoutes(reader),
        ...tenantRoutes(reader, "UTC"),
        ...policyRoutes(reader),
        ...policySetRoutes(reader, "UTC"),
      ];
    });
    return { ...world, url };
  }

  test("what is exported and applied again changes nothing, not even the version", async () => {
    await using world = await open();
    const applied = await world.ask("POST", PATH, { body: SET });
    expect(applied).toMatchObject({ status: 200, body: { dryRun: false, unchanged: 0 } });
    expect(applied.body.changes).toHaveLength(4);
    const exported = await world.ask("GET", PATH);
    expect(exported.body).toEqual(SET);
    const before = await run(world.url, "select version from policy_version");
    const again = await world.ask("POST", PATH, { body: exported.body });
    expect(again.body).toMatchObject({ changes: [], unchanged: 4 });
    expect(await run(world.url, "select version from policy_version")).toEqual(before);
    expect(await run(world.url, "select count(*)::int as rows from audit_logs")).toEqual([{ rows: 4 }]);
  });

  test("a dry run tells the same changes and makes none", async () => {
    await using world = await open();
    await world.ask("POST", PATH, { body: SET });
    const next = { ...SET, apiPolicies: [], plans: [{ name: "FREE", limits: { perSecond: 21 } }] };
    const told = await world.ask("POST", `${PATH}?dryRun=true&prune=true`, { body: next });
    expect((await world.ask("GET", PATH)).body).toEqual(SET);
    expect(await run(world.url, "select count(*)::int as rows from audit_logs")).toEqual([{ rows: 4 }]);
    const done = await world.ask("POST", `${PATH}?prune=true`, { body: next });
    expect(told.body).toEqual({ ...done.body, dryRun: true });
    expect(done.body.changes).toEqual([
      { kind: "plan", key: "FREE", act: "update" },
      { kind: "plan", key: "PRO", act: "delete" },
      { kind: "policy", key: "acme-export", act: "delete" },
    ]);
  });

  test("without prune what the set does not hold stays, and overrides stay always", async () => {
    await using world = await open();
    await world.ask("POST", PATH, { body: SET });
    const { fallback: _, enforcement: _e, enabled: _n, ...policy } = SET.apiPolicies[0] ?? {};
    const override = { ...policy, name: "campaign", validUntil: "2026-12-01T00:00:00Z", reason: "a campaign" };
    expect(await world.ask("POST", "/admin/overrides", { body: override })).toMatchObject({ status: 201 });
    expect((await world.ask("POST", PATH, { body: { plans: [] } })).body.changes).toEqual([]);
    const pruned = await world.ask("POST", `${PATH}?prune=true`, { body: { ...SET, apiPolicies: [] } });
    expect(pruned.body.changes).toEqual([{ kind: "policy", key: "acme-export", act: "delete" }]);
    expect((await world.ask("GET", "/admin/overrides")).body.items).toMatchObject([
      { name: "campaign", validFrom: "2026-11-22T10:00:00.000Z", reason: "a campaign" },
    ]);
    const inUse = await world.ask("POST", `${PATH}?prune=true`, { body: { plans: SET.plans } });
    expect(inUse).toMatchObject({ status: 409, body: { code: "IN_USE", detail: expect.stringContaining("campaign") } });
  });

  test("a faulty set changes nothing and names every fault by its JSON Pointer", async () => {
    await using world = await open();
    const faulty = {
      plans: [{ name: "a b", limits: {} }, SET.plans[0]],
      apiPolicies: [{ ...SET.apiPolicies[0], scope: "GALAXY", apiPattern: "/a/**/b" }],
    };
    const refused = await world.ask("POST", PATH, { body: faulty });
    expect(refused).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
    const pointers = refused.body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers.sort()).toEqual(["/apiPolicies/0/apiPattern", "/apiPolicies/0/scope", "/plans/0/name"]);
    expect((await world.ask("GET", PATH)).body).toEqual({ plans: [], tenants: [], apiPolicies: [] });
    const dangling = await world.ask("POST", PATH, { body: { tenants: SET.tenants } });
    expect(dangling).toMatchObject({ status: 422, body: { code: "UNKNOWN_REFERENCE" } });
    expect(world.failures).toEqual([]);
  });
});
