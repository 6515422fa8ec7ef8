import { afterAll, beforeAll, expect, test } from "vitest";
import { acme, free, pro, tenant } from "../../test/policies.ts";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { openPostgres } from "../platform/postgres.ts";
import { putPlans } from "../policies/plans.pg.ts";
import { changePolicies, type PolicyTransaction } from "../policies/policy-changes.pg.ts";
import { readPolicies } from "../policies/policy-read.pg.ts";
import type { PolicyTables } from "../policies/policy-tables.ts";
import type { PolicyVersion } from "../policies/snapshot.ts";
import { deleteTenant, putTenants } from "../policies/tenants.pg.ts";
import { digestOfSecret } from "./service-credential-secret.ts";
import {
  createCredential,
  getCredential,
  listCredentials,
  lockCredential,
  type NewCredential,
  revokeCredential,
  rotateCredential,
} from "./service-credentials.pg.ts";

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 22, 12);
const GATEWAY: NewCredential = { name: "gateway", tenants: null, expiresAtMs: null };

describeWithPostgres("service credentials in PostgreSQL", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function open() {
    const url = await server.migratedDatabase();
    const postgres = openPostgres<PolicyTables>({ url, poolSize: 4 });
    const change = async <T>(work: (transaction: PolicyTransaction) => Promise<T>) =>
      (await changePolicies(postgres.sql, work)).result;
    await change(async (t) => {
      await putPlans(t, [free, pro]);
      await putTenants(t, [acme], "UTC");
    });
    return {
      url,
      change,
      sql: postgres.sql,
      read: (known: PolicyVersion | null) => readPolicies(postgres.pool, known),
      create: (given: Partial<NewCredential> = {}) => change((t) => createCredential(t, { ...GATEWAY, ...given })),
      rotate: (id: string, overlapMs: number, nowMs = NOW_MS) =>
        change(async (t) => rotateCredential(t, await lockCredential(t, id), { overlapMs, nowMs })),
      revoke: (id: string) => change(async (t) => revokeCredential(t, await lockCredential(t, id), NOW_MS)),
      [Symbol.asyncDispose]: () => postgres.close(),
    };
  }

  test("the row holds the digest of the secret and its last four characters, never the secret", async () => {
    await using w = await open();
    const { credential, secret } = await w.create({ tenants: ["acme", "acme"], expiresAtMs: NOW_MS });
    expect(credential).toMatchObject({
      ...{ name: "gateway", tenants: ["acme"], lastFour: secret.slice(-4), expiresAtMs: NOW_MS },
      ...{ previous: null, rotatedAtMs: null, revokedAtMs: null },
    });
    expect(await getCredential(w.sql, credential.id)).toEqual(credential);
    const [row] = await run(w.url, "select encode(sha256, 'hex') as sha256, c::text as all from service_credentials c");
    expect(row?.sha256).toBe(digestOfSecret(secret));
    expect(row?.all).not.toContain(secret.slice(13));
  });

  test("a change is read by the loader as what it touched, and as a whole", async () => {
    await using w = await open();
    const { version } = await w.read(null);
    const { credential, secret } = await w.create({ tenants: ["acme"] });
    const known = { id: credential.id, tenants: ["acme"], expiresAtMs: null, sha256: digestOfSecret(secret) };
    const created = await w.read(version);
    const nothing = { changed: [], removed: [] };
    expect(created).toMatchObject({
      kind: "changed",
      change: { policies: nothing, credentials: { changed: [{ ...known, previous: null }], removed: [] } },
    });
    const rotated = await w.rotate(credential.id, HOUR_MS);
    const current = {
      ...{ ...known, sha256: digestOfSecret(rotated.secret) },
      previous: { sha256: known.sha256, untilMs: NOW_MS + HOUR_MS },
    };
    expect(await w.read(null)).toMatchObject({ kind: "all", source: { credentials: [current] } });
    await w.revoke(credential.id);
    const revoked = await w.read(created.version);
    expect(revoked).toMatchObject({ change: { credentials: { changed: [], removed: [credential.id] } } });
    expect(await w.read(null)).toMatchObject({ kind: "all", source: { credentials: [] } });
  });

  test("what expired more than a day ago is not loaded any more", async () => {
    await using w = await open();
    const { credential } = await w.create();
    const loaded = async () => {
      const read = await w.read(null);
      return read.kind === "all" ? [...read.source.credentials].length : null;
    };
    const expire = (ago: string) =>
      run(w.url, "update service_credentials set expires_at = now() - $1::interval where id = $2", [
        ago,
        credential.id,
      ]);
    await expire("23 hours");
    expect(await loaded()).toBe(1);
    await expire("25 hours");
    expect(await loaded()).toBe(0);
  });

  test("a rotation keeps one secret before it for the overlap, and none with an overlap of 0", async () => {
    await using w = await open();
    const first = await w.create();
    const { id } = first.credential;
    const second = await w.rotate(id, HOUR_MS);
    expect(second.credential).toMatchObject({
      ...{ lastFour: second.secret.slice(-4), rotatedAtMs: NOW_MS },
      previous: { lastFour: first.secret.slice(-4), untilMs: NOW_MS + HOUR_MS },
    });
    expect(second.credential.etag).not.toBe(first.credential.etag);
    const third = await w.rotate(id, 1);
    expect(third.credential.previous).toEqual({ lastFour: second.secret.slice(-4), untilMs: NOW_MS + 1 });
    expect((await w.rotate(id, 0)).credential.previous).toBe(null);
  });

  test("a revoked credential keeps its row without a digest, cannot be used again, and frees its name", async () => {
    await using w = await open();
    const { id } = (await w.create()).credential;
    await w.rotate(id, HOUR_MS);
    expect(await w.revoke(id)).toMatchObject({ revokedAtMs: NOW_MS, previous: null });
    expect(await run(w.url, "select sha256, previous_sha256 from service_credentials")).toEqual([
      { sha256: null, previous_sha256: null },
    ]);
    await expect(w.revoke(id)).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(w.rotate(id, 0)).rejects.toMatchObject({ code: "CONFLICT" });
    const bringBack = "update service_credentials set revoked_at = null";
    await expect(run(w.url, bringBack)).rejects.toThrow("digest_until_revoked");
    expect((await w.create()).credential.id).not.toBe(id);
  });

  test("a name is taken once, an expired credential is not rotated, an unknown one is not found", async () => {
    await using w = await open();
    const { id } = (await w.create({ expiresAtMs: NOW_MS })).credential;
    const both = await Promise.allSettled([w.create(), w.create({ name: "other" }), w.create({ name: "other" })]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
    await expect(w.create()).rejects.toMatchObject({ code: "TAKEN" });
    await expect(w.rotate(id, 0, NOW_MS - 1)).resolves.toBeDefined();
    await expect(w.rotate(id, 0)).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(w.revoke("00000000-0000-4000-8000-000000000000")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a tenant that callers are bound to stays, until they are revoked", async () => {
    await using w = await open();
    await w.change((t) => putTenants(t, [tenant({ id: "other" })], "UTC"));
    const { id } = (await w.create({ tenants: ["acme"] })).credential;
    await w.change((t) => deleteTenant(t, "other"));
    await expect(w.change((t) => deleteTenant(t, "acme"))).rejects.toThrow("in use by service credential gateway");
    await w.revoke(id);
    await w.change((t) => deleteTenant(t, "acme"));
  });

  test("the list goes by names, page by page, revoked ones only when asked for", async () => {
    await using w = await open();
    const created = [];
    for (const name of ["b", "a", "c"]) created.push(await w.create({ name }));
    await w.revoke(created[0]?.credential.id ?? "");
    await w.create({ name: "b" });
    const names = async (withRevoked: boolean) => {
      const found: string[] = [];
      for (let after: { name: string; id: string } | null = null; ; ) {
        const [next] = await listCredentials(w.sql, { after, limit: 1, withRevoked });
        if (next === undefined) return found;
        found.push(next.name);
        after = next;
      }
    };
    expect(await names(false)).toEqual(["a", "b", "c"]);
    expect(await names(true)).toEqual(["a", "b", "b", "c"]);
  });

  test("there are at most 1000 at once", async () => {
    await using w = await open();
    await run(
      w.url,
      `insert into service_credentials (name, sha256, last_four)
        select 'c' || n, sha256(n::text::bytea), 'abcd' from generate_series(1, 999) as n`,
    );
    const { id } = (await w.create()).credential;
    await expect(w.create({ name: "one more" })).rejects.toMatchObject({ code: "CONFLICT" });
    await w.revoke(id);
    await w.create({ name: "one more" });
  });
});
