import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { type AdminWorld, openAdminWorld } from "../admin/admin.world.ts";
import { openPostgres } from "../platform/postgres.ts";
import { keepCredentialUses } from "./credential-uses.job.ts";
import type { ManagedCaller } from "./service-credential.ts";
import type { ServiceCredentialTables } from "./service-credential-tables.ts";
import { serviceCredentialRoutes } from "./service-credentials.admin.ts";

const PATH = "/admin/service-credentials";
const SOON_MS = 10;
const NEVER_MS = 3_600_000;
const NOWHERE = "postgres://postgres@127.0.0.1:1/nowhere";

describeWithPostgres("the last use of a credential", () => {
  let server: TestPostgres;
  let url: string;
  let world: AdminWorld;
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.migratedDatabase();
    world = await openAdminWorld(url, ({ sql }) =>
      serviceCredentialRoutes(sql.$pickTables<keyof ServiceCredentialTables>()),
    );
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const created = async (name: string) => (await world.ask("POST", PATH, { body: { name } })).body;
  const read = async (id: string) => (await world.ask("GET", `${PATH}/${id}`)).body;

  /** An instance that takes the id of a credential for its secret. */
  function open({ at = url, everyMs = NEVER_MS } = {}) {
    const postgres = openPostgres({ url: at, poolSize: 1 });
    const faults: unknown[] = [];
    const keeper = keepCredentialUses({ pool: postgres.pool, everyMs, onFault: (fault) => faults.push(fault) });
    const callerOf = (id: string): ManagedCaller | null =>
      id === "unknown" ? null : { credentialId: id, tenants: null, untilMs: Number.POSITIVE_INFINITY };
    return {
      ask: keeper.noting(callerOf),
      faults,
      close: keeper.close,
      [Symbol.asyncDispose]: async () => {
        await keeper.close();
        await postgres.close();
      },
    };
  }

  test("is told by the Admin API soon after, and neither turns the ETag nor is there for one who never came", async () => {
    const [used, idle] = [await created("used"), await created("idle")];
    await using instance = open({ everyMs: SOON_MS });
    const sinceMs = Date.now();
    expect(instance.ask(used.id)).toMatchObject({ tenants: null });
    expect(instance.ask("unknown")).toBe(null);
    // Gone since this instance learned of it.
    instance.ask("00000000-0000-4000-8000-00000000ffff");
    const after = await waitFor("it is told", async () => {
      const item = await read(used.id);
      return item.lastUsedAt === null ? null : item;
    });
    const usedAtMs = Date.parse(after.lastUsedAt);
    expect(usedAtMs).toBeGreaterThanOrEqual(sinceMs);
    expect(usedAtMs).toBeLessThanOrEqual(Date.now());
    const { secret: _, ...item } = used;
    expect(after).toEqual({ ...item, lastUsedAt: after.lastUsedAt });
    expect((await read(idle.id)).lastUsedAt).toBe(null);
    const listed = (await world.ask("GET", PATH)).body.items;
    expect(listed).toContainEqual(after);
    const headers = { "if-match": `"${after.etag}"` };
    const rotated = await world.ask("POST", `${PATH}/${used.id}/rotate`, { body: {}, headers });
    expect(rotated).toMatchObject({ status: 200, body: { lastUsedAt: after.lastUsedAt } });
    expect(instance.faults).toEqual([]);
  });

  test("is written once a minute, however many instances see it used", async () => {
    const { id } = await created("busy");
    const written = () =>
      run(url, "select xmin::text, last_used_at from service_credential_uses where credential_id = $1", [id]);
    for (let number = 0; number < 3; number += 1) {
      await using instance = open();
      instance.ask(id);
    }
    const [first] = await written();
    expect(first).toBeDefined();
    await using instance = open();
    instance.ask(id);
    await instance.close();
    expect((await written())[0]).toEqual(first);
    await run(
      url,
      "update service_credential_uses set last_used_at = now() - interval '61 seconds' where credential_id = $1",
      [id],
    );
    instance.ask(id);
    await instance.close();
    const [later] = await written();
    expect(Number(later?.last_used_at)).toBeGreaterThanOrEqual(Number(first?.last_used_at));
  });

  test("is kept while PostgreSQL is away, and nobody waits", async () => {
    await using instance = open({ at: NOWHERE, everyMs: SOON_MS });
    const { id } = await created("patient");
    expect(instance.ask(id)).not.toBe(null);
    // Each attempt finds it again: none is lost by a failure.
    await waitFor("several attempts", () => instance.faults.length > 2);
    expect((await read(id)).lastUsedAt).toBe(null);
  });
});
