import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { type Ask, NOW_MS, openAdminWorld } from "../admin/admin.world.ts";
import { planRoutes } from "../policies/plans.admin.ts";
import { startPolicySync } from "../policies/policies.sync.ts";
import type { PolicyTables } from "../policies/policy-tables.ts";
import { tenantRoutes } from "../policies/tenants.admin.ts";
import { createCredentials } from "./credentials.ts";
import { callerAt, NO_MANAGED_CALLERS } from "./service-credential.ts";
import { digestOfSecret } from "./service-credential-secret.ts";
import { serviceCredentialRoutes } from "./service-credentials.admin.ts";

const PATH = "/admin/service-credentials";
const DAY_MS = 86_400_000;
const at = (ms: number) => new Date(ms).toISOString();

describeWithPostgres("service credentials through the Admin API", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** With what an instance knows of the credentials, at an instant that a test chooses. */
  async function open() {
    const url = await server.migratedDatabase();
    const world = await openAdminWorld(url, ({ sql }) => {
      const policies = sql.$pickTables<keyof PolicyTables>();
      return [...serviceCredentialRoutes(policies), ...planRoutes(policies), ...tenantRoutes(policies, "UTC")];
    });
    const sync = startPolicySync({ postgres: world.postgres });
    await sync.ready;
    let nowMs = NOW_MS;
    const credentials = createCredentials([], (sha256) =>
      callerAt(sync.current()?.callers ?? NO_MANAGED_CALLERS, sha256, nowMs),
    );
    const close = async () => {
      await sync.close();
      await world[Symbol.asyncDispose]();
    };
    /** Resolves when the instance knows what was done last. */
    const caughtUp = async () => {
      const rows = await run(url, "select version from policy_version");
      await waitFor("the newest version", () => sync.current()?.version.version === Number(rows[0]?.version));
    };
    const knows = async (secret: string, whenMs = NOW_MS) => {
      await caughtUp();
      nowMs = whenMs;
      return credentials(secret) !== null;
    };
    return { ...world, url, credentials, knows, [Symbol.asyncDispose]: close };
  }

  const create = (ask: Ask, body: object = { name: "gateway" }) => ask("POST", PATH, { body });
  const rotate = (ask: Ask, id: string, etag: string, body: object = {}) =>
    ask("POST", `${PATH}/${id}/rotate`, { body, headers: { "if-match": `"${etag}"` } });

  test("one is created, shown once, accepted, rotated with an overlap, and revoked", async () => {
    await using world = await open();
    const { ask, knows } = world;
    const created = await create(ask);
    const { secret: first, ...item } = created.body;
    expect(created).toMatchObject({ status: 201, headers: { location: `${PATH}/${item.id}`, etag: `"${item.etag}"` } });
    expect(item).toMatchObject({
      ...{ name: "gateway", tenants: null, status: "ACTIVE", lastFour: first.slice(-4), previous: null },
      ...{ expiresAt: null, rotatedAt: null, revokedAt: null, lastUsedAt: null },
    });
    expect(first).toMatch(new RegExp(`^slk_${item.id.slice(0, 8)}_[A-Za-z0-9_-]{43}$`));
    expect((await ask("GET", `${PATH}/${item.id}`)).body).toEqual(item);
    expect((await ask("GET", PATH)).body).toEqual({ items: [item], nextCursor: null });
    expect(await knows(first)).toBe(true);

    const rotated = await rotate(ask, item.id, item.etag);
    const { secret: second, etag } = rotated.body;
    expect(rotated).toMatchObject({
      status: 200,
      body: { rotatedAt: at(NOW_MS), previous: { lastFour: first.slice(-4), acceptedUntil: at(NOW_MS + DAY_MS) } },
    });
    expect([await knows(first), await knows(second)]).toEqual([true, true]);
    expect([await knows(first, NOW_MS + DAY_MS), await knows(second, NOW_MS + DAY_MS)]).toEqual([false, true]);

    const revoke = (tag: string) => ask("DELETE", `${PATH}/${item.id}`, { headers: { "if-match": `"${tag}"` } });
    expect(await revoke(item.etag)).toMatchObject({ status: 412, body: { code: "STALE" } });
    expect(await revoke(etag)).toMatchObject({ status: 204 });
    expect([await knows(first), await knows(second)]).toEqual([false, false]);
    const gone = await ask("GET", `${PATH}/${item.id}`);
    expect(gone.body).toMatchObject({ status: "REVOKED", revokedAt: at(NOW_MS), previous: null });
    expect((await ask("GET", PATH)).body.items).toEqual([]);
    expect((await ask("GET", `${PATH}?revoked=true`)).body.items).toEqual([gone.body]);
    expect(await rotate(ask, item.id, gone.body.etag)).toMatchObject({ status: 409, body: { code: "CONFLICT" } });
    expect(await create(ask)).toMatchObject({ status: 201 });
    expect(world.failures).toEqual([]);
  });

  test("a secret is nowhere in the database, and its digest neither in the audit trail nor in kept answers", async () => {
    await using world = await open();
    const headers = { "idempotency-key": "k-1" };
    const { body } = await world.ask("POST", PATH, { body: { name: "gateway" }, headers });
    const rotated = await world.ask("POST", `${PATH}/${body.id}/rotate`, {
      ...{ body: { overlapMs: 1 }, headers: { ...headers, "if-match": `"${body.etag}"` } },
    });
    const again = await world.ask("POST", PATH, { body: { name: "gateway" }, headers });
    expect(again).toMatchObject({ status: 409, body: { detail: expect.stringContaining(`${PATH}/${body.id}`) } });

    const [tables] = await run(
      world.url,
      "select query_to_xml('select * from audit_logs', true, false, '')::text as audit",
    );
    const [kept] = await run(
      world.url,
      "select query_to_xml('select * from idempotency_keys', true, false, '')::text as kept",
    );
    const [rows] = await run(world.url, "select database_to_xml(true, false, '')::text as everything");
    expect(tables?.audit).toContain("credential.rotate");
    expect(kept?.kept).toContain("/rotate");
    for (const secret of [body.secret, rotated.body.secret]) {
      const random = secret.slice(-43);
      const digest = Buffer.from(digestOfSecret(secret), "hex");
      expect(rows?.everything).toContain(digest.toString("base64"));
      expect(rows?.everything).not.toContain(random);
      for (const text of [tables?.audit, kept?.kept]) {
        for (const trace of [random, digest.toString("base64"), digest.toString("hex")])
          expect(text).not.toContain(trace);
      }
    }
    const audits = await run(
      world.url,
      "select action, tenant, resource_kind, resource_id, after from audit_logs order by seq",
    );
    expect(audits).toMatchObject([
      { action: "credential.create", tenant: null, resource_kind: "service_credential", resource_id: body.id },
      { action: "credential.rotate", after: { name: "gateway", lastFour: rotated.body.secret.slice(-4) } },
    ]);
  });

  test("one bound to tenants asks for those alone, until it expires", async () => {
    await using world = await open();
    const { ask, knows, credentials } = world;
    await ask("POST", "/admin/plans", { body: { name: "FREE", limits: {} } });
    for (const id of ["acme", "globex"]) await ask("POST", "/admin/tenants", { body: { id, plan: "FREE" } });
    const body = { name: "gateway", tenants: ["globex", "acme"], expiresAt: at(NOW_MS + 500) };
    const created = await create(ask, body);
    expect(created).toMatchObject({ status: 201, body: { tenants: ["acme", "globex"], expiresAt: body.expiresAt } });
    expect(await knows(created.body.secret)).toBe(true);
    expect(credentials(created.body.secret)?.tenants).toEqual(new Set(["acme", "globex"]));
    expect(await knows(created.body.secret, NOW_MS + 500)).toBe(false);
  });

  test("what cannot be is refused by name", async () => {
    await using world = await open();
    const { ask } = world;
    const refusals = await Promise.all([
      create(ask, { name: "a", tenants: ["nobody"] }),
      create(ask, { name: "a", tenants: [] }),
      create(ask, { name: "a", expiresAt: at(NOW_MS) }),
      create(ask, { name: "a", expiresAt: "tomorrow" }),
      create(ask, { name: "a", secret: "chosen by hand, and so no secret" }),
      ask("GET", `${PATH}/none`),
      ask("GET", `${PATH}/00000000-0000-4000-8000-000000000000`),
    ]);
    expect(refusals.map(({ body }) => body.code)).toEqual([
      ...["UNKNOWN_REFERENCE", "INVALID_REQUEST", "OUT_OF_RANGE", "INVALID_REQUEST", "INVALID_REQUEST"],
      ...["INVALID_REQUEST", "NOT_FOUND"],
    ]);
    const { id, etag } = (await create(ask)).body;
    expect(await create(ask)).toMatchObject({ status: 409, body: { code: "TAKEN" } });
    for (const overlapMs of [-1, 30 * DAY_MS + 1, 0.5]) {
      expect(await rotate(ask, id, etag, { overlapMs })).toMatchObject({
        body: { errors: [{ pointer: "/overlapMs" }] },
      });
    }
    expect(await ask("POST", `${PATH}/${id}/rotate`, { body: {} })).toMatchObject({ status: 428 });
    expect(await ask("DELETE", `${PATH}/${id}`)).toMatchObject({ status: 428 });
    expect(await rotate(ask, id, etag, { overlapMs: 30 * DAY_MS })).toMatchObject({ status: 200 });
    expect(world.failures).toEqual([]);
  });

  test("name, tenants and expiry are changed while its secrets stay; one that has ended is not brought back", async () => {
    await using world = await open();
    const { ask, knows, credentials } = world;
    await ask("POST", "/admin/plans", { body: { name: "FREE", limits: {} } });
    await ask("POST", "/admin/tenants", { body: { id: "acme", plan: "FREE" } });
    const { secret, ...before } = (await create(ask)).body;
    await create(ask, { name: "taken" });
    const update = (body: object, tag: string, id = before.id) =>
      ask("PATCH", `${PATH}/${id}`, { body, headers: { "if-match": `"${tag}"` } });

    const expiresAt = at(NOW_MS + DAY_MS);
    const changed = await update({ name: "edge", tenants: ["acme"], expiresAt }, before.etag);
    const { etag } = changed.body;
    expect(changed).toMatchObject({ status: 200, headers: { etag: `"${etag}"` } });
    const { updatedAt } = changed.body;
    expect(changed.body).toEqual({ ...before, name: "edge", tenants: ["acme"], expiresAt, etag, updatedAt });
    expect([await knows(secret), credentials(secret)?.tenants]).toEqual([true, new Set(["acme"])]);
    expect(await knows(secret, NOW_MS + DAY_MS)).toBe(false);
    expect(await update({ name: "late" }, before.etag)).toMatchObject({ status: 412, body: { code: "STALE" } });

    const refusals = [
      await update({ name: "taken" }, etag),
      await update({ tenants: ["nobody"] }, etag),
      await update({ expiresAt: at(NOW_MS) }, etag),
      await update({}, etag),
      await update({ secret: "chosen by hand" }, etag),
    ];
    expect(refusals.map(({ body }) => body.code)).toEqual([
      ...["TAKEN", "UNKNOWN_REFERENCE", "OUT_OF_RANGE", "INVALID_REQUEST", "INVALID_REQUEST"],
    ]);
    const endless = await update({ tenants: null, expiresAt: null }, etag);
    expect(endless.body).toMatchObject({ name: "edge", tenants: null, expiresAt: null });
    expect(await knows(secret, NOW_MS + DAY_MS)).toBe(true);
    expect(credentials(secret)?.tenants).toBe(null);

    const [expired] = await run(
      world.url,
      "update service_credentials set expires_at = $1 where id = $2 returning etag",
      [at(NOW_MS - 1), before.id],
    );
    expect(await update({ expiresAt }, String(expired?.etag))).toMatchObject({
      status: 409,
      body: { code: "CONFLICT" },
    });
    const headers = { "if-match": `"${expired?.etag}"` };
    expect(await ask("DELETE", `${PATH}/${before.id}`, { headers })).toMatchObject({ status: 204 });
    const revoked = await ask("GET", `${PATH}/${before.id}`);
    expect(await update({ name: "back" }, revoked.body.etag)).toMatchObject({
      status: 409,
      body: { code: "CONFLICT" },
    });
    expect(world.failures).toEqual([]);
  });

  test("of two who rotate at once one is told that it is stale: no secret is lost unseen", async () => {
    await using world = await open();
    const { id, etag, secret } = (await create(world.ask)).body;
    const answers = await Promise.all([rotate(world.ask, id, etag), rotate(world.ask, id, etag)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const won = answers.find(({ status }) => status === 200);
    expect([await world.knows(secret), await world.knows(won?.body.secret)]).toEqual([true, true]);
  });

  test("the list goes page by page; only an admin of all tenants sees or changes anything", async () => {
    await using world = await open();
    const { ask } = world;
    for (const name of ["b", "a", "c"]) await create(ask, { name });
    const page = await ask("GET", `${PATH}?limit=2`);
    expect(page.body.items).toMatchObject([{ name: "a" }, { name: "b" }]);
    const rest = await ask("GET", `${PATH}?limit=2&cursor=${page.body.nextCursor}`);
    expect(rest.body).toMatchObject({ items: [{ name: "c" }], nextCursor: null });
    expect(await ask("GET", `${PATH}?cursor=${Buffer.from('["a"]').toString("base64url")}`)).toMatchObject({
      status: 400,
    });

    const { id, etag } = page.body.items[0];
    const headers = { "if-match": `"${etag}"` };
    for (const as of ["operator", "viewer", "admin of acme", "operator of acme"]) {
      const answers = await Promise.all([
        ask("GET", PATH, { as }),
        ask("GET", `${PATH}/${id}`, { as }),
        ask("POST", PATH, { as, body: { name: "d" } }),
        ask("PATCH", `${PATH}/${id}`, { as, body: { name: "e" }, headers }),
        ask("POST", `${PATH}/${id}/rotate`, { as, body: {}, headers }),
        ask("DELETE", `${PATH}/${id}`, { as, headers }),
      ]);
      expect(
        answers.map(({ status }) => status),
        as,
      ).toEqual([403, 403, 403, 403, 403, 403]);
    }
    expect((await ask("GET", PATH)).body.items).toHaveLength(3);
  });
});
