import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { acme, free, policy, pro, tenant } from "../../test/policies.ts";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { digestOfSecret } from "../auth/service-credential-secret.ts";
import { createCredential, lockCredential, revokeCredential } from "../auth/service-credentials.pg.ts";
import { startEmbeddedPostgres } from "../platform/embedded-postgres.ts";
import { migrate } from "../platform/migrate.ts";
import { connectPostgres, openPostgres } from "../platform/postgres.ts";
import { putPlans } from "./plans.pg.ts";
import { putPolicies } from "./policies.pg.ts";
import { type PolicySync, type PolicySyncOptions, startPolicySync } from "./policies.sync.ts";
import { changePolicies, type PolicyTransaction } from "./policy-changes.pg.ts";
import type { PolicyTables } from "./policy-tables.ts";
import { compileSnapshot } from "./snapshot-compile.ts";
import { snapshotRows } from "./snapshot-compiled.ts";
import { putTenants, setTenantPlan } from "./tenants.pg.ts";

/** Never comes in a test: what it would find must have been brought by something else. */
const NEVER_MS = 3_600_000;
const SOON_MS = 50;
const GATEWAY = { name: "gateway", tenants: null, expiresAtMs: null };

/** A migrated database with the tenant acme on FREE, and processes that follow it. */
async function world(url: string) {
  const postgres = openPostgres<PolicyTables>({ url, poolSize: 4 });
  const syncs: PolicySync[] = [];
  const change = <T>(work: (transaction: PolicyTransaction) => Promise<T>) => changePolicies(postgres.sql, work);
  await change(async (transaction) => {
    await putPlans(transaction, [free, pro]);
    await putTenants(transaction, [acme], "UTC");
  });
  const follow = async (options: Partial<PolicySyncOptions> = {}) => {
    const sync = startPolicySync({ postgres, pollMs: NEVER_MS, ...options });
    syncs.push(sync);
    await sync.ready;
    return sync;
  };
  const close = async () => {
    for (const sync of syncs) await sync.close();
    await postgres.close();
  };
  return { url, postgres, change, follow, [Symbol.asyncDispose]: close };
}

const planOfAcme = (sync: PolicySync) => sync.current()?.tenant("acme", 0)?.plan;
const policyNames = (sync: PolicySync) => {
  const snapshot = sync.current();
  return snapshot === null ? [] : [...snapshotRows(snapshot).policies].map(({ name }) => name).sort();
};

describeWithPostgres("policies kept current over PostgreSQL", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  test("a change is in force in every process by its notification alone", async () => {
    await using w = await world(await server.migratedDatabase());
    const syncs = [await w.follow(), await w.follow()];
    await listening(w.url, 2);
    expect(syncs.map(planOfAcme)).toEqual(["FREE", "FREE"]);
    await w.change((t) => setTenantPlan(t, "acme", "PRO", null));
    await waitFor("the new plan in both", () => syncs.every((sync) => planOfAcme(sync) === "PRO"));
    expect(syncs.map((sync) => sync.current()?.version.version)).toEqual([2, 2]);
  });

  test("credentials of callers are published like policies, by change and by whole", async () => {
    await using w = await world(await server.migratedDatabase());
    const sync = await w.follow();
    await listening(w.url, 1);
    const known = (of: PolicySync) => [...(of.current()?.callers.keys() ?? [])];
    const { credential, secret } = (await w.change((t) => createCredential(t, GATEWAY))).result;
    await waitFor("the credential", () => known(sync).length === 1);
    expect(known(sync)).toEqual([digestOfSecret(secret)]);
    expect(known(await w.follow())).toEqual([digestOfSecret(secret)]);
    await w.change(async (t) => revokeCredential(t, await lockCredential(t, credential.id), 0));
    await waitFor("that it is gone", () => known(sync).length === 0);
    expect(sync.current()?.version.version).toBe(3);
  });

  test("a change of a kind that this release does not know advances the version and changes nothing", async () => {
    await using w = await world(await server.migratedDatabase());
    const sync = await w.follow({ onFault: (fault) => expect.unreachable(String(fault)) });
    await listening(w.url, 1);
    await run(w.url, "alter table policy_changes drop constraint policy_changes_kind_check");
    await run(w.url, "select publish_policies('{OF A LATER RELEASE}', '{key}')");
    await waitFor("its version", () => sync.current()?.version.version === 2);
    expect(planOfAcme(sync)).toBe("FREE");
  });

  test("a change without a notification is in force after the next look", async () => {
    await using w = await world(await server.migratedDatabase());
    const sync = await w.follow({ pollMs: SOON_MS });
    await listening(w.url, 1);
    const heard = await notificationsOf(w.url);
    await run(w.url, "update tenants set plan = 'PRO'");
    await run(w.url, "insert into policy_changes values (2, 'TENANT', 'acme')");
    await run(w.url, "update policy_version set version = 2");
    await waitFor("the new plan", () => planOfAcme(sync) === "PRO");
    expect(await heard()).toEqual([]);
  });

  test("a notification lost with its connection is made up for by the next connection", async () => {
    await using w = await world(await server.migratedDatabase());
    const faults: unknown[] = [];
    const sync = await w.follow({ onFault: (fault) => faults.push(fault) });
    await listening(w.url, 1);
    for (const plan of ["PRO", "FREE", "PRO"]) {
      await run(w.url, `select pg_terminate_backend(pid, 5000) from pg_stat_activity where ${LISTENS}`);
      await w.change((t) => setTenantPlan(t, "acme", plan, null));
      await waitFor(`the plan ${plan}`, () => planOfAcme(sync) === plan);
      await listening(w.url, 1);
    }
    expect(faults.length).toBeGreaterThanOrEqual(3);
  });

  test("a transaction that began first and commits last loses nothing", async () => {
    await using w = await world(await server.migratedDatabase());
    const sync = await w.follow();
    await listening(w.url, 1);
    const versions: number[] = [];
    sync.onChange((snapshot) => void versions.push(snapshot.version.version));
    const secondIsIn = Promise.withResolvers<void>();
    const firstHasWritten = Promise.withResolvers<void>();
    const first = w.change(async (t) => {
      await putPolicies(t, [policy({ name: "first" })]);
      firstHasWritten.resolve();
      await secondIsIn.promise;
    });
    await firstHasWritten.promise;
    const second = await w.change((t) => putPolicies(t, [policy({ name: "second" })]));
    await waitFor("the second", () => policyNames(sync).includes("second"));
    expect(policyNames(sync)).toEqual(["second"]);
    secondIsIn.resolve();
    expect([second.version, (await first).version]).toEqual([2, 3]);
    await waitFor("the first", () => policyNames(sync).includes("first"));
    expect(policyNames(sync)).toEqual(["first", "second"]);
    expect(versions).toEqual([2, 3]);
  });

  test("a version that is not committed yet makes the next one wait, so no reader can skip it", async () => {
    await using w = await world(await server.migratedDatabase());
    const sync = await w.follow({ pollMs: SOON_MS });
    const holder = await w.postgres.pool.connect();
    await holder.query("begin");
    await holder.query("update tenants set plan = 'PRO' where id = 'acme'");
    await holder.query("select publish_policies('{TENANT}', '{acme}')");
    const next = w.change((t) => putPolicies(t, [policy({ name: "next" })]));
    await waitFor("the next to wait for the lock", async () => {
      const waiting = await run(
        w.url,
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );
      return waiting.length === 1;
    });
    expect([planOfAcme(sync), policyNames(sync)]).toEqual(["FREE", []]);
    await holder.query("commit");
    holder.release();
    expect((await next).version).toBe(3);
    await waitFor("both", () => planOfAcme(sync) === "PRO" && policyNames(sync).length === 1);
  });

  test("many changes at once end in what the database holds", async () => {
    await using w = await world(await server.migratedDatabase());
    const syncs = [await w.follow(), await w.follow({ pollMs: SOON_MS })];
    await listening(w.url, 2);
    const names = Array.from({ length: 40 }, (_, n) => `policy-${n}`).sort();
    await Promise.all(names.map((name) => w.change((t) => putPolicies(t, [policy({ name })]))));
    await waitFor("version 41 in both", () => syncs.every((sync) => sync.current()?.version.version === 41));
    expect(syncs.map(policyNames)).toEqual([names, names]);
  });

  test("confirmations go on while nothing changes, and stop with PostgreSQL", async () => {
    await using w = await world(await server.migratedDatabase());
    let nowMs = 1_000;
    const sync = await w.follow({ pollMs: SOON_MS, nowMs: () => nowMs });
    const before = sync.current();
    expect(sync.confirmedAtMs()).toBe(1_000);
    nowMs = 2_000;
    await waitFor("a later confirmation", () => sync.confirmedAtMs() === 2_000);
    expect(sync.current()).toBe(before);
  });
});

describeWithPostgres("policies kept current while PostgreSQL comes and goes", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  test("killed and back: the last snapshot stays in force, then later changes arrive again", async () => {
    await using w = await world(await server.migratedDatabase());
    let nowMs = 1_000;
    const faults: unknown[] = [];
    const options = { pollMs: SOON_MS, nowMs: () => nowMs, onFault: (fault: unknown) => void faults.push(fault) };
    const sync = await w.follow(options);
    await server.kill();
    await waitFor("a fault", () => faults.length > 0);
    nowMs = 2_000;
    const seen = faults.length;
    await waitFor("more faults", () => faults.length > seen + 2);
    expect(sync.confirmedAtMs()).toBe(1_000);
    expect(planOfAcme(sync)).toBe("FREE");
    await server.restart();
    await w.change((t) => setTenantPlan(t, "acme", "PRO", null));
    await waitFor("the new plan", () => planOfAcme(sync) === "PRO");
    expect(sync.confirmedAtMs()).toBe(2_000);
  });

  test("a database restored to an earlier instant is read anew, though its version is smaller", async () => {
    await using w = await world(await server.migratedDatabase());
    const copy = await server.backup();
    await w.change((t) => setTenantPlan(t, "acme", "PRO", null));
    await w.change((t) => putPolicies(t, [policy({ name: "lost" })]));
    const sync = await w.follow({ pollMs: SOON_MS });
    const outdated = sync.current();
    const before = outdated?.version;
    expect(before).toMatchObject({ timeline: expect.any(Number), version: 3 });

    await server.restoreOnNewTimeline(copy);
    await waitFor("the restored plan", () => planOfAcme(sync) === "FREE");
    expect(policyNames(sync)).toEqual([]);
    const after = sync.current()?.version;
    expect(after).toMatchObject({ systemId: before?.systemId, version: 1 });
    expect(after?.timeline).toBeGreaterThan(before?.timeline ?? 0);

    // The same version number as before, of another history: still seen as what it is.
    await w.change((t) => putTenants(t, [tenant({ id: "new" })], "UTC"));
    await w.change((t) => putPolicies(t, [policy({ name: "kept" })]));
    await waitFor("version 3", () => sync.current()?.version.version === 3);
    expect([planOfAcme(sync), policyNames(sync)]).toEqual(["FREE", ["kept"]]);

    // A process that saw nothing in between: the log of this history must not be taken for that of its own.
    await w.change((t) => putTenants(t, [tenant({ id: "newer" })], "UTC"));
    const late = await w.follow({ initial: outdated });
    expect(late.current()?.version.version).toBe(4);
    expect([planOfAcme(late), policyNames(late)]).toEqual(["FREE", ["kept"]]);
  });

  test("a snapshot of another cluster is replaced, though its version is greater", async () => {
    await using w = await world(await server.migratedDatabase());
    const known = (await w.follow()).current();
    if (known === null) throw new Error("nothing was loaded");
    const foreign = { ...snapshotRows(known), plans: [], version: { ...known.version, systemId: "1", version: 900 } };
    const initial = await compileSnapshot(foreign, async () => undefined);
    const sync = await w.follow({ initial });
    expect(sync.current()?.version).toEqual(known.version);
    expect([...snapshotRows(sync.current() ?? initial).plans]).toHaveLength(2);
  });
});

describe("policies kept current over the embedded database", () => {
  test("a change is in force by its notification alone", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-sync-"));
    const embedded = await startEmbeddedPostgres({ folder });
    await migrate(embedded);
    {
      await using w = await world(embedded.url);
      const heard = await notificationsOf(embedded.url);
      const syncs = [await w.follow(), await w.follow()];
      await w.change((t) => setTenantPlan(t, "acme", "PRO", null));
      await waitFor("the new plan in both", () => syncs.every((sync) => planOfAcme(sync) === "PRO"));
      expect(await heard()).toEqual(["2"]);
    }
    await embedded.close();
    await rm(folder, { recursive: true });
  });
});

const LISTENS = "query ilike 'listen %' and datname = current_database()";

/** A notification sent before a process listens would prove nothing. */
async function listening(url: string, count: number): Promise<void> {
  await waitFor(`${count} listeners`, async () => {
    const listeners = await run(url, `select pid from pg_stat_activity where ${LISTENS}`);
    return listeners.length === count;
  });
}

/** Listens; gives a function that ends it and says what was heard. */
async function notificationsOf(url: string): Promise<() => Promise<string[]>> {
  const client = await connectPostgres({ url });
  const heard: string[] = [];
  client.on("notification", ({ payload }) => void heard.push(payload ?? ""));
  await client.query("listen sluice_policies");
  return async () => {
    await client.query("select 1");
    await client.end();
    return heard;
  };
}
