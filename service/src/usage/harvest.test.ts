// The usage of dead processes, found on a real Cluster and written to a real PostgreSQL.
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { type RedisCluster, startCluster } from "../../test/redis-cluster.ts";
import { describeWith } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { openRedisCounters, orderOf } from "../counters/counters.world.ts";
import { createKeys } from "../counters/keys.ts";
import { Shards } from "../counters/shards.redis.ts";
import { redisUsageHashes } from "../counters/usage-hashes.redis.ts";
import { openPostgres } from "../platform/postgres.ts";
import { Acknowledged } from "./acknowledged.ts";
import { createHarvest, type HarvestParts } from "./harvest.job.ts";
import { beat } from "./usage-writers.pg.ts";
import { writeUsageTotals } from "./write-totals.pg.ts";

const TIMEOUT_MS = 10_000;
const INTERVAL_MS = 100;
const TENANTS = Array.from({ length: 12 }, (_, number) => `tenant-${number}`);
const HELD = "select tenant_id as tenant, user_id as user, api, total::int from usage_rows order by 1, 2, 3";

describeWith(["redis-server", "postgres"], "harvesting a dead process", () => {
  let cluster: RedisCluster;
  let server: TestPostgres;
  beforeAll(async () => {
    [cluster, server] = await Promise.all([startCluster(), startPostgres()]);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([cluster?.stop(), server?.stop()]);
  });

  let worlds = 0;
  const seeds = () => cluster.nodes.map((node) => `127.0.0.1:${node.port}`);

  async function world() {
    const url = await server.migratedDatabase();
    const { pool, close } = openPostgres({ url, poolSize: 8 });
    const shards = new Shards(
      seeds(),
      { tls: null },
      {
        connected: () => undefined,
        breaker: () => undefined,
        away: () => undefined,
        back: () => undefined,
        looked: () => undefined,
      },
    );
    await shards.start();
    // A search finds everything under the prefix, and no other test's.
    worlds += 1;
    const keyPrefix = `w${worlds}:`;
    const hashes = redisUsageHashes(shards, createKeys(keyPrefix, "test"));
    const harvested: (readonly string[])[] = [];
    const faults: unknown[] = [];
    const told = {
      onHarvested: (tenants: readonly string[]) => harvested.push(tenants),
      onFault: (fault: unknown) => faults.push(fault),
    };
    const harvest = (more: Partial<HarvestParts> = {}) =>
      createHarvest({ pool, hashes, intervalMs: INTERVAL_MS, ...told, ...more });
    /** One start of a process, which took from every tenant: `cost` by kim and once without a user. */
    const process = async (cost: number, heardOf: string) => {
      const acknowledged = new Acknowledged();
      const { counters } = await openRedisCounters(seeds(), { keyPrefix, acknowledged, deadlineMs: TIMEOUT_MS });
      await waitFor("every master", () => counters.health().healthy);
      for (const tenant of TENANTS) {
        for (const check of [{ user: "kim", cost }, { cost: 1 }]) {
          const taken = await counters.take(orderOf(tenant, counters.nowMs(), { ...check, usageApi: `GET /${cost}` }));
          expect(taken).toMatchObject({ kind: "answered", checks: [{ admitted: true }] });
        }
      }
      await counters.close();
      const [incarnation] = acknowledged.usage.incarnations;
      await beat(pool, [incarnation], TIMEOUT_MS);
      await run(url, `update usage_writers set flushed_at = ${heardOf} where incarnation = '${incarnation}'`);
      return { incarnation, totals: acknowledged.usage.takeChanged(1_000).totals };
    };
    const ended = async (incarnation: string) =>
      (await run(url, `select ended from usage_writers where incarnation = '${incarnation}'`))[0]?.ended;
    const held = () => run(url, HELD);
    const dispose = async () => {
      shards.close();
      await close();
    };
    return { url, pool, hashes, harvest, harvested, faults, process, ended, held, [Symbol.asyncDispose]: dispose };
  }

  const HOUR_AGO = "now() - interval '1 hour'";
  const IN_AN_HOUR = "now() + interval '1 hour'";

  test("finds everything it left on every master, once, and leaves the living alone", async () => {
    await using w = await world();
    const dead = await w.process(7, HOUR_AGO);
    const living = await w.process(9, IN_AN_HOUR);
    // What it had written itself is less than what it left, or as much.
    const [first] = dead.totals;
    await writeUsageTotals(w.pool, first === undefined ? [] : [{ ...first, total: 1 }], TIMEOUT_MS);
    const instances = Array.from({ length: 3 }, () => w.harvest());
    await waitFor("it is harvested", async () => {
      await Promise.all(instances.map((instance) => instance.run()));
      return (await w.ended(dead.incarnation)) === "HARVESTED";
    });
    await Promise.all(instances.map((instance) => instance.close()));
    const rows = [...TENANTS].sort().flatMap((tenant) => [
      { tenant, user: "", api: "GET /7", total: 1 },
      { tenant, user: "kim", api: "GET /7", total: 7 },
    ]);
    expect(await w.held()).toEqual(rows);
    expect(w.harvested.map((tenants) => [...tenants].sort())).toEqual([[...TENANTS].sort()]);
    expect([await w.ended(living.incarnation), w.faults]).toEqual([null, []]);
    const dayMs = 86_400_000;
    const lives = await Promise.all([dead, living].map(({ incarnation }) => livesOf(incarnation)));
    expect(lives[0]?.every((lifeMs) => lifeMs > 0 && lifeMs <= dayMs)).toBe(true);
    expect(lives[1]?.every((lifeMs) => lifeMs > dayMs)).toBe(true);
    expect(lives.map(({ length }) => length)).toEqual([TENANTS.length, TENANTS.length]);
  });

  test("nothing counts as harvested while a master does not answer", async () => {
    await using w = await world();
    const dead = await w.process(5, HOUR_AGO);
    const instance = w.harvest();
    // With its replica, so that nobody takes its place.
    const away = [cluster.nodes[0], cluster.nodes[3]];
    for (const node of away) node?.freeze();
    try {
      await waitFor("the fault to be told", async () => {
        await instance.run();
        return w.faults.length === 1;
      });
      expect(await w.ended(dead.incarnation)).toBe(null);
    } finally {
      for (const node of away) node?.thaw();
    }
    await waitFor("it is harvested", async () => {
      await instance.run();
      return (await w.ended(dead.incarnation)) === "HARVESTED";
    });
    await instance.close();
    expect(await w.held()).toHaveLength(2 * TENANTS.length);
    expect(w.faults).toHaveLength(1);
    await cluster.settled();
  }, 30_000);

  test("nobody is taken for dead before we have been writing for two intervals ourselves", async () => {
    await using w = await world();
    const silent = await w.process(3, HOUR_AGO);
    const instance = w.harvest({ intervalMs: 1_000_000 });
    for (let time = 0; time < 3; time += 1) await instance.run();
    expect([await w.ended(silent.incarnation), await w.held()]).toEqual([null, []]);
    await instance.close();
  });

  test("where the store dies with the process there is nothing to find", async () => {
    await using w = await world();
    const dead = await w.process(2, HOUR_AGO);
    const instance = w.harvest({ hashes: null });
    await waitFor("it is harvested", async () => {
      await instance.run();
      return (await w.ended(dead.incarnation)) === "HARVESTED";
    });
    await instance.close();
    expect([w.harvested, await w.held()]).toEqual([[[]], []]);
  });

  test("a process that lived and died while PostgreSQL was away is found, too, and probes are nobody's usage", async () => {
    await using w = await world();
    const [dead, living] = [await w.process(6, HOUR_AGO), await w.process(8, IN_AN_HOUR)];
    await run(w.url, `delete from usage_writers where incarnation = '${dead.incarnation}'`);
    const probe = "sl:{~probe0}:w:probe:20261122";
    await (await cluster.ownerOfKey(probe)).command("HSET", probe, "20261122\nprobe\n", 1);
    const instance = w.harvest({ searchEveryMs: 1 });
    await waitFor("it is harvested", async () => {
      await instance.run();
      return (await w.ended(dead.incarnation)) === "HARVESTED";
    });
    await instance.close();
    const found = await run(w.url, "select sum(total)::int as total from usage_rows where api = 'GET /6'");
    expect(found).toEqual([{ total: 7 * TENANTS.length }]);
    expect(await w.ended(living.incarnation)).toBe(null);
    expect(await run(w.url, "select from usage_writers where incarnation = 'probe'")).toEqual([]);
  });

  test("what a process left that took on after it was taken for dead is found by a search, and not before it is due", async () => {
    await using w = await world();
    const dead = await w.process(7, HOUR_AGO);
    const instance = w.harvest({ searchEveryMs: 1 });
    const isDone = async () => (await w.ended(dead.incarnation)) === "HARVESTED";
    const harvestedUntil = async (what: string, isSo: () => Promise<boolean>) =>
      await waitFor(what, async () => {
        await instance.run();
        return await isSo();
      });
    await harvestedUntil("it is harvested", isDone);
    // As if it had gone on for another 5 with one of its tenants.
    const key = (await cluster.keys()).find((name) => name.includes(`:w:${dead.incarnation}:`)) ?? "";
    const owner = await cluster.ownerOfKey(key);
    const [field] = ((await owner.command("HKEYS", key)) as string[]).filter((name) => name.endsWith("kim"));
    await owner.command("HINCRBY", key, field ?? "", 5);
    const found = async () => (await run(w.url, "select max(total)::int as total from usage_rows"))[0]?.total;
    const searched = async () => (await run(w.url, "select searched_at::text from usage_searches"))[0]?.searched_at;
    const before = await searched();
    await harvestedUntil("another search", async () => (await searched()) !== before);
    expect(await found()).toBe(7);
    const longAgo = "flushed_at = now() - interval '9 hours', harvested_at = now() - interval '8 hours'";
    await run(w.url, `update usage_writers set ${longAgo} where incarnation = '${dead.incarnation}'`);
    await harvestedUntil("the rest of it", async () => (await found()) === 12);
    await instance.close();
    expect([await isDone(), w.harvested.length, w.faults]).toEqual([true, 1, []]);
  });

  test("what a failover may have hidden is not called complete", async () => {
    await using w = await world();
    const dead = await w.process(4, HOUR_AGO);
    const reading = w.hashes.of(dead.incarnation)[Symbol.asyncIterator]();
    const [master, last] = [await cluster.ownerOfSlot(0), await cluster.ownerOfSlot(16_383)];
    await waitFor("the last master to be read", async () => {
      const { value } = await reading.next();
      return (await cluster.ownerOfKey(`{${value?.tenant}}`)) === last;
    });
    await cluster.nodes[master === cluster.nodes[0] ? 3 : 0]?.command("CLUSTER", "FAILOVER");
    await waitFor("the replica to own the slot", async () => (await cluster.ownerOfSlot(0)) !== master);
    await cluster.settled();
    const readOn = async () => {
      while (!(await reading.next()).done);
    };
    await expect(readOn()).rejects.toThrow("Slots changed their owner");
    const again = await Array.fromAsync(w.hashes.of(dead.incarnation), ({ tenant }) => tenant);
    expect(again.sort()).toEqual([...TENANTS].sort());
  });

  /** How long each hash of the incarnation lives on. */
  async function livesOf(incarnation: string): Promise<number[]> {
    const keys = (await cluster.keys()).filter((key) => key.includes(`:w:${incarnation}:`));
    return await Promise.all(
      keys.map(async (key) => Number(await (await cluster.ownerOfKey(key)).command("PTTL", key))),
    );
  }
});
