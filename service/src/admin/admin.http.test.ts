import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import type { Postgres } from "../platform/postgres.ts";
import { planRoutes } from "../policies/plans.admin.ts";
import { policyRoutes } from "../policies/policies.admin.ts";
import type { PolicyTables } from "../policies/policy-tables.ts";
import { tenantRoutes } from "../policies/tenants.admin.ts";
import { openAdminWorld } from "./admin.world.ts";
import type { AdminTables } from "./admin-tables.ts";

describeWithPostgres("the door of the Admin API", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  const routes = ({ sql }: Postgres<AdminTables>) => {
    const reader = sql.$pickTables<keyof PolicyTables>();
    return [...planRoutes(reader), ...tenantRoutes(reader, "UTC"), ...policyRoutes(reader)];
  };
  const open = async (url?: string) => openAdminWorld(url ?? (await server.migratedDatabase()), routes);
  const FREE = { name: "FREE", limits: { perSecond: 20, quotaPerMonth: 1_000 } };

  test("a plan is created, read, replaced and deleted, each change behind the ETag before it", async () => {
    await using world = await open();
    const { ask } = world;
    const created = await ask("POST", "/admin/plans", { body: FREE });
    expect(created).toMatchObject({ status: 201, body: { ...FREE, warnings: [] } });
    expect(created.headers).toMatchObject({ location: "/admin/plans/FREE", etag: `"${created.body.etag}"` });

    const limits = { perMinute: 5, perSecond: 20 };
    const replace = (etag: string | null) =>
      ask("PUT", "/admin/plans/FREE", { body: { limits }, headers: etag === null ? {} : { "if-match": etag } });
    expect(await replace(null)).toMatchObject({ status: 428, body: { code: "ETAG_REQUIRED" } });
    expect(await replace("*")).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
    expect(await replace('"other"')).toMatchObject({ status: 412, body: { code: "STALE" } });
    const replaced = await replace(`"${created.body.etag}"`);
    expect(replaced).toMatchObject({ status: 200, body: { limits, warnings: [{ code: "UNREACHABLE_LIMIT" }] } });
    expect((await ask("GET", "/admin/plans/FREE")).body).toMatchObject({ limits, etag: replaced.body.etag });

    const gone = await ask("DELETE", "/admin/plans/FREE", { headers: { "if-match": `"${replaced.body.etag}"` } });
    expect(gone).toMatchObject({ status: 204, body: undefined });
    expect(await ask("GET", "/admin/plans/FREE")).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    expect(world.failures).toEqual([]);
  });

  test("of two who change the same row one is told that it is stale, and nothing is lost", async () => {
    await using world = await open();
    const { body } = await world.ask("POST", "/admin/plans", { body: FREE });
    const headers = { "if-match": `"${body.etag}"` };
    const answers = await Promise.all(
      [1, 2].map((perSecond) => world.ask("PUT", "/admin/plans/FREE", { body: { limits: { perSecond } }, headers })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const won = answers.find(({ status }) => status === 200);
    expect((await world.ask("GET", "/admin/plans/FREE")).body).toMatchObject({ limits: won?.body.limits });
  });

  test("one Idempotency-Key sent 100 times at once through two instances makes one change and one audit row", async () => {
    const url = await server.migratedDatabase();
    await using one = await open(url);
    await using other = await open(url);
    const send = (index: number) =>
      (index % 2 === 0 ? one : other).ask("POST", "/admin/plans", {
        body: FREE,
        headers: { "idempotency-key": "k-1" },
      });
    const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => send(index)));
    const codes = new Set(answers.map(({ status, body }) => `${status} ${body.code ?? ""}`));
    expect([...codes].every((code) => code === "201 " || code === "409 IDEMPOTENCY_KEY_IN_PROGRESS")).toBe(true);
    const again = await send(0);
    const etags = new Set([...answers, again].filter(({ status }) => status === 201).map(({ body }) => body.etag));
    expect(again.status).toBe(201);
    expect(etags.size).toBe(1);
    expect(await run(url, "select action, resource_id from audit_logs")).toEqual([
      { action: "plan.create", resource_id: "FREE" },
    ]);
    const reused = await one.ask("POST", "/admin/plans", {
      body: { ...FREE, name: "PRO" },
      headers: { "idempotency-key": "k-1" },
    });
    expect(reused).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } });
    expect(
      await one.ask("POST", "/admin/plans", { as: "operator", body: FREE, headers: { "idempotency-key": "k-1" } }),
    ).toMatchObject({ status: 403 });
  });

  test("a request is refused for everything that is wrong with it, by JSON Pointer", async () => {
    await using world = await open();
    const body = { name: "a b", limits: { perSecond: -2, perYear: 1 }, extra: 1 };
    const refused = await world.ask("POST", "/admin/plans", { body });
    expect(refused).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
    const pointers = refused.body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers).toEqual(expect.arrayContaining(["/name", "/limits/perSecond", "/limits/perYear", "/extra"]));
    const policy = {
      name: "p",
      target: "everyone",
      httpMethod: "GET",
      apiPattern: "/a/**/b",
      scope: "TENANT",
      limits: { perSecond: 1 },
    };
    expect(await world.ask("POST", "/admin/api-policies", { body: policy })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/apiPattern" }] },
    });
    expect(await world.ask("GET", "/admin/plans?limit=201&x=1")).toMatchObject({ status: 400 });
    expect(await world.ask("GET", "/admin/plans?cursor=abc")).toMatchObject({ status: 400 });
    expect(await world.ask("POST", "/admin/plans", { body: "{" })).toMatchObject({
      status: 400,
      body: { code: "INVALID_JSON" },
    });
    expect(
      await world.ask("POST", "/admin/plans", { body: "x", headers: { "content-type": "text/plain" } }),
    ).toMatchObject({ status: 415, body: { code: "UNSUPPORTED_MEDIA_TYPE" } });
    expect(await world.ask("PUT", "/admin/plans")).toMatchObject({ status: 405, headers: { allow: "GET, POST" } });
    expect(await world.ask("GET", "/admin/nothing")).toMatchObject({ status: 404 });
    expect(world.failures).toEqual([]);
  });

  test("problems speak the caller's language, and their codes never change", async () => {
    await using world = await open();
    const korean = await world.ask("GET", "/admin/plans/NONE", {
      headers: { "accept-language": "fr, ko-KR;q=0.9, en;q=0.1" },
    });
    expect(korean.headers).toMatchObject({ "content-language": "ko", vary: "Accept-Language" });
    expect(korean.body).toMatchObject({ code: "NOT_FOUND", title: "해당 리소스가 없습니다" });
    const english = await world.ask("GET", "/admin/plans/NONE");
    expect(english.headers).toMatchObject({ "content-language": "en" });
    expect(english.body).toMatchObject({ code: "NOT_FOUND", title: "There is no such resource" });
  });

  test("a user bound to a tenant sees and changes that tenant alone", async () => {
    await using world = await open();
    const { ask } = world;
    await ask("POST", "/admin/plans", { body: FREE });
    for (const id of ["acme", "other"]) {
      expect(await ask("POST", "/admin/tenants", { body: { id, plan: "FREE" } })).toMatchObject({ status: 201 });
      const body = {
        name: `${id} policy`,
        target: { tenant: id },
        httpMethod: "get",
        apiPattern: "/v1/orders/",
        scope: "TENANT_API",
        limits: { perMinute: 3 },
      };
      const created = await ask("POST", "/admin/api-policies", {
        body,
        as: id === "acme" ? "operator of acme" : "admin",
      });
      expect(created).toMatchObject({ status: 201, body: { httpMethod: "GET", apiPattern: "/v1/orders" } });
    }
    const as = "operator of acme";
    expect((await ask("GET", "/admin/tenants", { as })).body.items).toMatchObject([{ id: "acme" }]);
    expect((await ask("GET", "/admin/api-policies", { as })).body.items).toMatchObject([{ name: "acme policy" }]);
    const foreign = (await ask("GET", "/admin/api-policies?tenant=other")).body.items[0];
    const headers = { "if-match": `"${foreign.etag}"` };
    const refusals = await Promise.all([
      ask("GET", "/admin/tenants/other", { as }),
      ask("PATCH", "/admin/tenants/other", { as, body: { name: "x" }, headers }),
      ask("GET", `/admin/api-policies/${foreign.id}`, { as }),
      ask("DELETE", `/admin/api-policies/${foreign.id}`, { as, headers }),
      ask("GET", "/admin/api-policies?tenant=other", { as }),
      ask("POST", "/admin/api-policies", { as, body: { ...foreignBody(), target: "everyone" } }),
      ask("POST", "/admin/tenants", { as, body: { id: "third", plan: "FREE" } }),
    ]);
    expect(refusals.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404, 403]);
    expect(world.failures).toEqual([]);
  });

  test("a path finds the policies whose pattern matches it", async () => {
    await using world = await open();
    for (const apiPattern of ["/v1/**", "/v1/*/items", "/v2/**"]) {
      const body = { ...foreignBody(), name: apiPattern, apiPattern, target: "everyone" };
      expect(await world.ask("POST", "/admin/api-policies", { body })).toMatchObject({ status: 201 });
    }
    const found = await world.ask("GET", "/admin/api-policies?path=/v1/7/items%3Fq&limit=1");
    expect(found.body).toMatchObject({ items: [{ apiPattern: "/v1/**" }] });
    const rest = await world.ask("GET", `/admin/api-policies?path=/v1/7/items&limit=1&cursor=${found.body.nextCursor}`);
    expect(rest.body).toMatchObject({ items: [{ apiPattern: "/v1/*/items" }], nextCursor: null });
  });

  test("only a trusted proxy is believed about the client's address, and only the entry nearest to it", async () => {
    const PROXY = "10.0.0.5";
    const spoofed = "1.2.3.4, 203.0.113.9, 10.0.0.7";
    const addressOf = async (trusted: string[] | null, remoteAddress: string, forwarded: string) => {
      const url = await server.migratedDatabase();
      await using world = await openAdminWorld(url, routes, trusted);
      const headers = { "x-forwarded-for": forwarded, forwarded: "for=1.2.3.4", "x-real-ip": "1.2.3.4" };
      await world.ask("POST", "/admin/plans", { body: FREE, headers, remoteAddress });
      return (await run(url, "select address from audit_logs"))[0]?.address;
    };
    expect(await addressOf(["10.0.0.0/8"], PROXY, spoofed)).toBe("203.0.113.9");
    // Nobody is trusted, or not this one: the connection's own address.
    expect(await addressOf(null, PROXY, spoofed)).toBe(PROXY);
    expect(await addressOf(["10.0.0.0/8"], "198.51.100.1", spoofed)).toBe("198.51.100.1");
    expect(await addressOf(["10.0.0.5"], PROXY, spoofed)).toBe("10.0.0.7");
  });

  test("with PostgreSQL away the answer is 503 with Retry-After, and no fault of ours", async () => {
    await using world = await open();
    await server.kill();
    try {
      const away = await world.ask("GET", "/admin/plans");
      expect(away).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
      expect(Number(away.headers["retry-after"])).toBeGreaterThan(0);
      expect(world.failures).toEqual([]);
    } finally {
      await server.restart();
    }
    expect(await world.ask("GET", "/admin/plans")).toMatchObject({ status: 200 });
  });
});

function foreignBody() {
  return { name: "p", httpMethod: "ANY", apiPattern: "/x", scope: "TENANT_API", limits: { perMinute: 3 } };
}
