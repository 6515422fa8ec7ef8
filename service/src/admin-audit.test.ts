// Every change that the Admin API can make leaves exactly one audit row for what it changed, and no secret anywhere.
// A route that is new here without a recipe fails the first test.
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../test/postgres.ts";
import { describeWithPostgres } from "../test/services.ts";
import { ACTORS, type AdminWorld, type Answer, openAdminWorld } from "./admin/admin.world.ts";
import type { Route } from "./admin/route.admin.ts";
import { openMonthsOf, routesOn } from "./admin-routes.world.ts";

/** Planted in every place that takes a secret; found nowhere afterwards. */
const CANARY = "Tr0ub4dor-canary-7531";
const LIMITS = { perSecond: 1 };
const POLICY = { target: { tenant: "acme" }, httpMethod: "GET", apiPattern: "/x", scope: "TENANT", limits: LIMITS };
const VALIDITY = { validUntil: "2026-12-01T00:00:00Z", reason: "a campaign" };

type Recipe = (world: AdminWorld) => Promise<Readonly<{ path?: string; body?: unknown; etag?: string }>>;

/** How each change is made once; each makes for itself what it needs. */
const RECIPES: Readonly<Record<string, Recipe>> = {
  "POST /admin/auth/logout": async () => ({}),
  "PUT /admin/auth/password": async (world) => {
    await made(world, "/admin/users", { loginId: "admin", password: CANARY, role: "ADMIN" });
    await world.postgres.pool.query("update users set id = $1 where login_id = 'admin'", [ACTORS.admin?.userId]);
    return { body: { oldPassword: CANARY, newPassword: `${CANARY}-own` } };
  },
  "POST /admin/users": async () => ({ body: { loginId: "kim", password: CANARY, role: "VIEWER" } }),
  "PATCH /admin/users/{id}": async (world) => {
    const { id, etag } = await made(world, "/admin/users", { loginId: "lee", password: CANARY, role: "VIEWER" });
    return { path: `/admin/users/${id}`, etag, body: { role: "OPERATOR", password: `${CANARY}-new` } };
  },
  "DELETE /admin/users/{id}": async (world) => {
    const { id, etag } = await made(world, "/admin/users", { loginId: "gone", password: CANARY, role: "VIEWER" });
    return { path: `/admin/users/${id}`, etag };
  },
  "POST /admin/plans": async () => ({ body: { name: "PRO", limits: LIMITS } }),
  "PUT /admin/plans/{name}": async (world) => {
    const { etag } = await made(world, "/admin/plans", { name: "BASIC", limits: LIMITS });
    return { path: "/admin/plans/BASIC", etag, body: { limits: { perSecond: 2 } } };
  },
  "DELETE /admin/plans/{name}": async (world) => {
    const { etag } = await made(world, "/admin/plans", { name: "OLD", limits: LIMITS });
    return { path: "/admin/plans/OLD", etag };
  },
  "POST /admin/tenants": async () => ({ body: { id: "globex", plan: "FREE" } }),
  "PATCH /admin/tenants/{id}": async (world) => ({
    path: "/admin/tenants/acme",
    ...(await acme(world)),
    body: { status: "SUSPENDED" },
  }),
  "PUT /admin/tenants/{id}/plan": async (world) => {
    return {
      path: "/admin/tenants/acme/plan",
      ...(await acme(world)),
      body: { plan: "FREE", at: "2026-12-01T00:00:00Z" },
    };
  },
  "DELETE /admin/tenants/{id}": async (world) => {
    const { etag } = await made(world, "/admin/tenants", { id: "gone", plan: "FREE" });
    return { path: "/admin/tenants/gone", etag };
  },
  "POST /admin/tenants/{id}/counters/reset": async () => {
    return { path: "/admin/tenants/acme/counters/reset", body: { scope: "TENANT", reason: "a test" } };
  },
  "POST /admin/tenants/{id}/counters/grant": async () => {
    const body = { scope: "TENANT", window: "month", amount: 5, reason: "a test" };
    return { path: "/admin/tenants/acme/counters/grant", body };
  },
  "DELETE /admin/tenants/{id}/users/{userId}": async () => ({ path: "/admin/tenants/acme/users/kim" }),
  "POST /admin/api-policies": async () => ({ body: { ...POLICY, name: "new" } }),
  "PUT /admin/api-policies/{id}": async (world) => {
    const { id, etag } = await made(world, "/admin/api-policies", { ...POLICY, name: "p", apiPattern: "/p" });
    return { path: `/admin/api-policies/${id}`, etag, body: { ...POLICY, name: "p", apiPattern: "/q" } };
  },
  "DELETE /admin/api-policies/{id}": async (world) => {
    const { id, etag } = await made(world, "/admin/api-policies", { ...POLICY, name: "d", apiPattern: "/d" });
    return { path: `/admin/api-policies/${id}`, etag };
  },
  "POST /admin/overrides": async () => ({ body: { ...POLICY, ...VALIDITY, name: "o new" } }),
  "PUT /admin/overrides/{id}": async (world) => {
    const body = { ...POLICY, ...VALIDITY, name: "o p" };
    const { id, etag } = await made(world, "/admin/overrides", body);
    return { path: `/admin/overrides/${id}`, etag, body: { ...body, reason: "another" } };
  },
  "DELETE /admin/overrides/{id}": async (world) => {
    const { id, etag } = await made(world, "/admin/overrides", { ...POLICY, ...VALIDITY, name: "o d" });
    return { path: `/admin/overrides/${id}`, etag };
  },
  "POST /admin/policy-set": async () => ({ body: { plans: [{ name: "SET", limits: LIMITS }] } }),
  "POST /admin/service-credentials": async () => ({ body: { name: "gateway" } }),
  "PATCH /admin/service-credentials/{id}": async (world) => {
    const { id, etag } = await made(world, "/admin/service-credentials", { name: "renamed" });
    return { path: `/admin/service-credentials/${id}`, etag, body: { name: "another" } };
  },
  "POST /admin/service-credentials/{id}/rotate": async (world) => {
    const { id, etag } = await made(world, "/admin/service-credentials", { name: "rotated" });
    return { path: `/admin/service-credentials/${id}/rotate`, etag, body: {} };
  },
  "DELETE /admin/service-credentials/{id}": async (world) => {
    const { id, etag } = await made(world, "/admin/service-credentials", { name: "revoked" });
    return { path: `/admin/service-credentials/${id}`, etag };
  },
};

describeWithPostgres("a change through the Admin API", () => {
  let server: TestPostgres;
  let url: string;
  let world: AdminWorld;
  let routes: readonly Route[];
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.migratedDatabase();
    world = await openAdminWorld(url, (postgres) => {
      routes = routesOn(postgres);
      return routes;
    });
    await openMonthsOf(world.postgres);
    await made(world, "/admin/plans", { name: "FREE", limits: LIMITS });
    await made(world, "/admin/tenants", { id: "acme", plan: "FREE" });
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  test("leaves exactly one audit row, with who, what, from where, before and after, whichever route it takes", async () => {
    const secrets: string[] = [];
    const changes = routes.filter((route) => route.kind === "change");
    expect(changes.map(nameOf).sort()).toEqual(Object.keys(RECIPES).sort());
    for (const route of changes) {
      const { path = route.path, body, etag } = (await RECIPES[nameOf(route)]?.(world)) ?? {};
      const before = await auditRows(url);
      const headers = { "user-agent": "a test", ...(etag !== undefined && { "if-match": `"${etag}"` }) };
      const answer = await world.ask(route.method, path, { body, headers });
      expect([nameOf(route), answer.status, answer.body?.detail]).toEqual([
        nameOf(route),
        route.status ?? 200,
        undefined,
      ]);
      if (answer.body?.secret !== undefined) secrets.push(answer.body.secret);
      const added = (await auditRows(url)).slice(before.length);
      const isSilent = nameOf(route) === "POST /admin/auth/logout";
      expect([nameOf(route), added.length]).toEqual([nameOf(route), isSilent ? 0 : 1]);
      if (isSilent) continue;
      expect(added[0]).toMatchObject({
        action: route.action,
        actor_id: ACTORS.admin?.userId,
        actor_login: "admin",
        actor_role: "ADMIN",
        address: "127.0.0.1",
        user_agent: "a test",
        request_id: answer.headers["x-request-id"],
        outcome: "DONE",
      });
      expect([nameOf(route), added[0]?.before !== null || added[0]?.after !== null]).toEqual([nameOf(route), true]);
    }
    expect(world.failures).toEqual([]);
    expect(secrets).toHaveLength(2);
    const stored = await storedText(url);
    for (const secret of [CANARY, ...secrets]) expect([secret, stored.includes(secret)]).toEqual([secret, false]);
  });

  test("that is refused, or changes nothing, leaves none", async () => {
    const before = await auditRows(url);
    const answers = [
      await world.ask("POST", "/admin/plans", { body: { name: "FREE", limits: LIMITS } }),
      await world.ask("POST", "/admin/tenants", { body: { id: "new", plan: "NONE" } }),
      await world.ask("POST", "/admin/users", { body: { loginId: "weak", password: "password", role: "ADMIN" } }),
      await world.ask("DELETE", "/admin/plans/FREE", { headers: { "if-match": '"stale"' } }),
      await world.ask("POST", "/admin/policy-set", { body: {} }),
    ];
    expect(answers.map(({ status, body }) => `${status} ${body.code ?? ""}`)).toEqual([
      "409 TAKEN",
      "422 UNKNOWN_REFERENCE",
      "422 WEAK_PASSWORD",
      "412 STALE",
      "200 ",
    ]);
    expect(await auditRows(url)).toEqual(before);
  });
});

function nameOf({ method, path }: Route): string {
  return `${method} ${path}`;
}

async function made(world: AdminWorld, path: string, body: unknown): Promise<Readonly<{ id: string; etag: string }>> {
  const answer: Answer = await world.ask("POST", path, { body });
  if (answer.status !== 201) throw new Error(`${path} answered ${answer.status} ${answer.text}`);
  return answer.body;
}

async function acme(world: AdminWorld): Promise<Readonly<{ etag: string }>> {
  return { etag: (await world.ask("GET", "/admin/tenants/acme")).body.etag };
}

async function auditRows(url: string): Promise<Record<string, unknown>[]> {
  return await run(url, "select * from audit_logs order by seq");
}

/** Everything that every table holds, as text. */
async function storedText(url: string): Promise<string> {
  const tables = await run(
    url,
    "select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'",
  );
  const texts = await Promise.all(
    tables.map(async ({ name }) =>
      JSON.stringify(await run(url, `select to_jsonb(t)::text as row from ${String(name)} as t`)),
    ),
  );
  return texts.join("\n");
}
