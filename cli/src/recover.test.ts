import { afterAll, beforeAll, expect, test } from "vitest";
import type { Claim } from "../../service/src/counters/claim.ts";
import { openRedisCounters } from "../../service/src/counters/counters.world.ts";
import { periodsAt } from "../../service/src/limits/quota-period.ts";
import { openPostgres } from "../../service/src/platform/postgres.ts";
import { Acknowledged } from "../../service/src/usage/acknowledged.ts";
import { writeQuotaTotals } from "../../service/src/usage/write-totals.pg.ts";
import { run, startPostgres, type TestPostgres } from "../../service/test/postgres.ts";
import { type RedisCluster, startCluster } from "../../service/test/redis.ts";
import { describeWith } from "../../service/test/services.ts";
import { runForTest } from "../test/run.ts";
import type { Finding } from "./doctor/finding.ts";

const ID_SECRET = "an id secret of thirty-two letters";
const SOURCE = { policyId: "p", target: "TENANT", scope: "TENANT" } as const;
const CLAIMS = (["TENANT", "TENANT_USER"] as const).map((scope): Claim => {
  return { scope, api: null, enforced: [{ window: "month", capacity: 1_000, source: SOURCE }], shadow: [] };
});

describeWith(["redis-server", "postgres"], "sluice recover verify", () => {
  let cluster: RedisCluster;
  let postgres: TestPostgres;
  beforeAll(async () => {
    [cluster, postgres] = await Promise.all([startCluster(), startPostgres()]);
  });
  afterAll(async () => void (await Promise.all([cluster?.stop(), postgres?.stop()])));

  /** Tenants of their own, each with a user who has used 10 of the month that is written down. */
  async function world(...tenants: readonly string[]) {
    const url = await postgres.migratedDatabase();
    await run(url, "insert into plans (name) values ('FREE') on conflict do nothing");
    const acknowledged = new Acknowledged();
    const seeds = cluster.nodes.map(({ host, port }) => `${host}:${port}`);
    const { counters } = await openRedisCounters(seeds, { idSecret: ID_SECRET, acknowledged, deadlineMs: 10_000 });
    const take = async (tenant: string, cost: number) => {
      const check = { claims: CLAIMS, user: "kim", cost, requestId: null, usageApi: "ANY /**" };
      const periods = periodsAt("UTC", counters.nowMs());
      const taken = await counters.take({ tenant, periods, maxUsersPerDay: 10, checks: [check] });
      if (taken.kind !== "answered") throw new Error(`not answered: ${taken.cause}`);
      return taken.checks[0]?.states.map(({ month: { current } }) => current.base + current.since);
    };
    for (const tenant of tenants) {
      await run(url, "insert into tenants (id, name, plan, time_zone) values ($1, $1, 'FREE', 'UTC')", [tenant]);
      await take(tenant, 10);
    }
    const { pool, close } = openPostgres({ url, poolSize: 1 });
    await writeQuotaTotals(pool, acknowledged.quotas.takeChanged(100).totals, 10_000);
    await close();
    const verify = async (...words: string[]) => {
      const given = ["recover", "verify", "--redis", cluster.url, "--database", url, ...words];
      const { exitCode, data, talk } = await runForTest(given, { SLUICE_ID_SECRET: ID_SECRET });
      const { findings } = JSON.parse(data || `{"findings":[]}`) as { findings: Finding[] };
      return { exitCode, findings, talk, quotas: findings.find(({ part }) => part === "quotas") };
    };
    return { take, verify, [Symbol.asyncDispose]: () => counters.close() };
  }
  const loseAll = () => Promise.all(cluster.nodes.map((node) => node.command("FLUSHALL").catch(() => undefined)));

  test("finds nothing where nothing was lost, on any master", async () => {
    await using w = await world("ok-1", "ok-2", "ok-3");
    const { exitCode, findings, quotas } = await w.verify();
    expect(findings.filter(({ state }) => state !== "ok")).toEqual([]);
    expect(exitCode).toBe(0);
    expect(findings.map(({ check }) => check)).toEqual([
      "slots",
      ...["scripts", "lives", "scripts", "lives", "scripts", "lives"],
      "used",
    ]);
    expect(quotas?.detail).toBe("6 quotas of 3 tenants are not below what was used");
  });

  test("finds lost quotas and changes nothing; with --repair raises them, and then finds nothing", async () => {
    await using w = await world("lost-1", "lost-2");
    await loseAll();
    await w.take("lost-1", 1);
    await w.take("lost-2", 1);
    const found = await w.verify();
    expect(found.exitCode).toBe(1);
    expect(found.quotas).toMatchObject({ state: "fail", detail: expect.stringContaining("(lost-1, lost-2)") });
    expect(await w.take("lost-1", 0)).toEqual([1, 1]);
    const one = await w.verify("--tenant", "lost-2", "--repair");
    expect(one.quotas).toMatchObject({ state: "ok", detail: expect.stringContaining("2 were raised") });
    expect([await w.take("lost-1", 0), await w.take("lost-2", 0)]).toEqual([
      [1, 1],
      [11, 11],
    ]);
    const rest = await w.verify("--repair");
    expect([rest.exitCode, rest.quotas?.detail]).toEqual([
      0,
      expect.stringMatching(/^2 of 4 .*\(lost-1\); 2 were raised/),
    ]);
    expect((await w.verify()).quotas).toMatchObject({ state: "ok" });
    expect(await w.take("lost-1", 0)).toEqual([11, 11]);
  });

  test("a tenant that Redis knows nothing of comes back with its first call, and it says so", async () => {
    await using w = await world("unknown");
    await loseAll();
    const { exitCode, quotas } = await w.verify("--repair");
    expect(exitCode).toBe(0);
    expect(quotas).toMatchObject({ state: "warn", detail: expect.stringContaining("first call of their tenant") });
  });

  test("finds keys without an end, and with --repair gives them one", async () => {
    await using w = await world("endless");
    await loseAll();
    await w.take("endless", 10);
    for (const node of cluster.nodes) await node.command("PERSIST", "sl:{endless}").catch(() => undefined);
    const lives = async (...words: string[]) => {
      const { findings } = await w.verify(...words);
      return findings.filter(({ check }) => check === "lives").map(({ state, detail }) => `${state}: ${detail}`);
    };
    expect((await lives()).toSorted()[0]).toMatch(/^fail: 1 of \d+ keys had no end$/);
    expect(await lives("--repair")).toContainEqual(expect.stringMatching(/^ok: 1 of \d+ .* they were given one$/));
    expect((await lives()).every((one) => one.startsWith("ok: all"))).toBe(true);
  });

  test("embedded stores, and a Redis or a database that is away, are told apart", async () => {
    const verify = (...words: string[]) => runForTest(["recover", "verify", ...words]);
    expect(await verify()).toMatchObject({ exitCode: 2, talk: expect.stringContaining("SLUICE_REDIS_URL") });
    expect(await verify("--redis", cluster.url)).toMatchObject({ exitCode: 2 });
    const nowhere = "postgres://127.0.0.1:1/x";
    expect(await verify("--redis", "redis://127.0.0.1:1", "--database", nowhere)).toMatchObject({ exitCode: 69 });
    expect(await verify("--redis", cluster.url, "--database", nowhere)).toMatchObject({ exitCode: 69 });
  });
});
