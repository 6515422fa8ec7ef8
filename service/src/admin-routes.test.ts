// Every route of the Admin API against every role, and against the wall between two tenants. The routes come from the
// list that is served, so a new one is in here by being there.
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../test/postgres.ts";
import { describeWithPostgres } from "../test/services.ts";
import { ACCESS, type Action } from "./admin/access.ts";
import { ACTORS, type AdminWorld, NOW_MS, openAdminWorld } from "./admin/admin.world.ts";
import type { Route } from "./admin/route.admin.ts";
import { openMonthsOf, routesOn } from "./admin-routes.world.ts";

const UUID = "00000000-0000-4000-8000-00000000ffff";
/** Whatever an answer may say of the other tenant holds this. */
const MARK = "other-tenant";

describeWithPostgres("the routes of the Admin API", () => {
  let server: TestPostgres;
  let url: string;
  let world: AdminWorld;
  let routes: readonly Route[];
  /** Ids of rows that belong to the other tenant, by the kind of row that a path names. */
  let theirs: Readonly<Record<string, string>>;

  beforeAll(async () => {
    server = await startPostgres();
    url = await server.migratedDatabase();
    world = await openAdminWorld(url, (postgres) => {
      routes = routesOn(postgres);
      return routes;
    });
    theirs = await plant(world, url);
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const guarded = () => routes.filter((route) => route.kind !== "open");

  test("each is refused without a token, and with one that is none", async () => {
    for (const { method, path } of guarded()) {
      for (const as of [null, "nobody"]) {
        const { status, body } = await world.ask(method, fill(path, {}), { as });
        expect([method, path, as, status, body.code]).toEqual([method, path, as, 401, "UNAUTHENTICATED"]);
      }
    }
  });

  test("each is answered to the roles of the table, and refused to every other role, and to bound users where it says so", async () => {
    const wrong: string[] = [];
    for (const route of guarded()) {
      const { roles, tenants } = ACCESS[route.action as Action] as Readonly<{
        roles: readonly string[];
        tenants: string;
      }>;
      for (const [as, actor] of Object.entries(ACTORS)) {
        const may = roles.includes(actor.role) && (tenants !== "all" || actor.tenants === null);
        // Nothing it names exists: whoever may ask is told that, or what is missing, and changes nothing.
        const { status } = await world.ask(route.method, fill(route.path, {}), { as });
        if ((status === 403) === may) wrong.push(`${as}: ${route.method} ${route.path} answered ${status}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("none shows or changes anything of another tenant to a user who is bound to one", async () => {
    const before = await everything(url);
    const leaks: string[] = [];
    for (const as of ["admin of acme", "operator of acme", "viewer of acme"]) {
      for (const route of guarded()) {
        for (const query of queriesOf(route)) {
          const path = fill(route.path, theirs) + query;
          const headers = { "if-match": `"${theirs[`etag of ${route.path}`] ?? theirs.etag}"` };
          const body = bodyOf(route);
          const answer = await world.ask(route.method, path, { as, headers, ...(body !== null && { body }) });
          const text = JSON.stringify(answer.body ?? "") + String(answer.text);
          if (text.includes(MARK)) leaks.push(`${as}: ${route.method} ${path} told ${text.slice(0, 200)}`);
          if (answer.status >= 500) leaks.push(`${as}: ${route.method} ${path} answered ${answer.status}`);
        }
      }
    }
    expect(leaks).toEqual([]);
    expect(await everything(url)).toEqual(before);
    expect(world.failures).toEqual([]);
  });
});

/** The path with every parameter filled: by the kind of row it stands for, else by something that does not exist. */
function fill(path: string, ids: Readonly<Record<string, string>>): string {
  const kind = /^\/admin\/([^/]+)/.exec(path)?.[1] ?? "";
  return path
    .replace(/\{(\w+)\}/, () => ids[kind] ?? (kind === "tenants" || kind === "plans" ? "none" : UUID))
    .replaceAll(/\{(\w+)\}/g, "none");
}

/** Without a filter, and with every filter by tenant that the route knows. */
function queriesOf(route: Route): string[] {
  const { properties = {} } = (route.shape.query ?? {}) as { properties?: Record<string, unknown> };
  return [
    "",
    ...("tenant" in properties ? ["?tenant=other"] : []),
    ...("format" in properties ? ["?format=csv", "?format=ndjson"] : []),
  ];
}

/** A body that names the other tenant wherever it can. */
function bodyOf({ method, path }: Route): unknown {
  if (method === "GET" || method === "DELETE") return null;
  const policy = {
    name: `${MARK} new`,
    target: { tenant: "other" },
    httpMethod: "GET",
    apiPattern: "/x",
    scope: "TENANT_API",
    limits: { perMinute: 1 },
  };
  if (path.startsWith("/admin/api-policies")) return policy;
  if (path.startsWith("/admin/overrides")) return { ...policy, validUntil: "2026-12-01T00:00:00Z", reason: MARK };
  if (path.endsWith("/plan")) return { plan: "FREE" };
  if (path.endsWith("/reset")) return { scope: "TENANT", reason: MARK };
  if (path.endsWith("/grant")) return { scope: "TENANT", window: "month", amount: 1, reason: MARK };
  if (path.endsWith("/explain")) return { tenantId: "other", apiPath: "/", httpMethod: "GET" };
  if (path.startsWith("/admin/tenants/{id}") && method === "PATCH") return { name: "taken over" };
  if (path.startsWith("/admin/tenants")) return { id: "third", plan: "FREE" };
  return {};
}

/** Two tenants, each with a row of everything that belongs to a tenant. */
async function plant({ ask, postgres }: AdminWorld, url: string): Promise<Record<string, string>> {
  await ask("POST", "/admin/plans", { body: { name: "FREE", limits: { perSecond: 1 } } });
  const made: Record<string, string> = { tenants: "other", plans: "FREE" };
  for (const id of ["acme", "other"]) {
    const name = id === "other" ? MARK : id;
    const tenant = await ask("POST", "/admin/tenants", { body: { id, name, plan: "FREE" } });
    const policy = { target: { tenant: id }, httpMethod: "GET", apiPattern: `/${name}`, scope: "TENANT", limits: {} };
    const stored = await ask("POST", "/admin/api-policies", { body: { ...policy, name } });
    const validity = { validUntil: "2026-12-01T00:00:00Z", reason: name };
    const override = await ask("POST", "/admin/overrides", { body: { ...policy, name: `${name} o`, ...validity } });
    if (id === "acme") continue;
    Object.assign(made, { "api-policies": stored.body.id, overrides: override.body.id });
    Object.assign(made, { etag: tenant.body.etag, "etag of /admin/api-policies/{id}": stored.body.etag });
    Object.assign(made, { "etag of /admin/overrides/{id}": override.body.etag });
  }
  const day = Number(new Date(NOW_MS).toISOString().slice(0, 10).replaceAll("-", ""));
  await openMonthsOf(postgres);
  await plantRows(url, day);
  return made;
}

/** Usage and refusals of both tenants, as the service would have written them. */
async function plantRows(url: string, day: number): Promise<void> {
  for (const [tenant, user] of [
    ["acme", "kim"],
    ["other", MARK],
  ] as const) {
    await run(
      url,
      `insert into usage_rows (tenant_id, day_label, user_id, api, incarnation, source, total)
        values ($1, $2, $3, $3, 'one', 'STORE', 7)`,
      [tenant, day, user],
    );
    await run(
      url,
      `insert into limit_hits (tenant_id, minute_at, day_label, user_id, api, reason, limit_window, policy_id, scope,
        hits, cost, first_at, last_at)
        values ($1, $4, $2, $3, $3, 'BLOCKED', 'second', '', 'TENANT', 1, 1, $4, $4)`,
      [tenant, day, user, new Date(NOW_MS)],
    );
  }
}

/** Every row of every table but the trail of these very requests. */
async function everything(url: string): Promise<unknown> {
  const tables = await run(
    url,
    `select table_name as name from information_schema.tables
      where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not like 'audit%' order by 1`,
  );
  const rows: Record<string, unknown> = {};
  for (const { name } of tables) {
    rows[String(name)] = await run(
      url,
      `select to_jsonb(t) as row from ${String(name)} as t order by to_jsonb(t)::text`,
    );
  }
  return rows;
}
