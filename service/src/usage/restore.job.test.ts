// Quotas lost in a real Redis and brought back from a real PostgreSQL, by three processes at once.
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { type RedisNode, startRedis } from "../../test/redis.ts";
import { describeWith } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import type { Claim } from "../counters/claim.ts";
import { openRedisCounters } from "../counters/counters.world.ts";
import { periodsAt } from "../limits/quota-period.ts";
import { openPostgres } from "../platform/postgres.ts";
import { Acknowledged } from "./acknowledged.ts";
import { lockForAdjusting } from "./adjustment-lock.pg.ts";
import { createRestore, type Restore } from "./restore.job.ts";
import { restoreCounter } from "./restore-counter.pg.ts";
import { MAX_TOTALS, writeQuotaTotals } from "./write-totals.pg.ts";

const SOURCE = { policyId: "p", target: "TENANT", scope: "TENANT" } as const;
const limited = (scope: Claim["scope"], month: number, quotaDay = 1_000_000): Claim => ({
  ...{ scope, api: null, shadow: [] },
  enforced: [
    { window: "month", capacity: month, source: SOURCE },
    { window: "quotaDay", capacity: quotaDay, source: SOURCE },
  ],
});
const CLAIMS = [limited("TENANT", 1_000), limited("TENANT_USER", 200)];

describeWith(["redis-server", "postgres"], "a restore", () => {
  let redis: RedisNode;
  let postgres: TestPostgres;
  beforeAll(async () => {
    [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  });
  afterAll(async () => void (await Promise.all([redis?.stop(), postgres?.stop()])));

  /** Three processes over one Redis and one database of their own. */
  async function world(prefix: string) {
    const url = await postgres.migratedDatabase();
    const faults: unknown[] = [];
    const processes = await Promise.all(
      [0, 1, 2].map(async () => {
        let restore: Restore | null = null;
        const acknowledged = new Acknowledged({ onGeneration: (tenant) => restore?.owe(tenant) });
        const { pool, close } = openPostgres({ url, poolSize: 2 });
        const { counters } = await openRedisCounters([`${redis.host}:${redis.port}`], {
          ...{ keyPrefix: prefix, acknowledged, deadlineMs: 10_000 },
        });
        restore = createRestore({
          ...{ pool, counters, timeZoneOf: (tenant) => (tenant === "gone" ? null : "UTC") },
          generationOf: (tenant) => acknowledged.quotas.generationOf(tenant),
          onFault: (fault) => faults.push(fault),
        });
        const take = async (cost: number, user = "", tenant = "acme") => {
          const periods = periodsAt("UTC", counters.nowMs());
          const check = { claims: CLAIMS, user, cost, requestId: null, usageApi: "ANY /**" };
          const taken = await counters.take({ tenant, periods, maxUsersPerDay: 1_000, checks: [check] });
          if (taken.kind !== "answered") throw new Error(`not answered: ${taken.cause}`);
          const states = taken.checks[0]?.states ?? [];
          const used = states.map(({ month: { current } }) => current.base + current.since);
          return { admitted: taken.checks[0]?.admitted === true, used, generation: taken.generation };
        };
        const write = async () => {
          for (let left = acknowledged.quotas.unwritten; left > 0; left = acknowledged.quotas.unwritten) {
            await writeQuotaTotals(pool, acknowledged.quotas.takeChanged(MAX_TOTALS).totals, 10_000);
          }
        };
        const end = async () => {
          await restore?.close();
          await counters.close();
          await close();
        };
        return { counters, pool, restore, take, write, end };
      }),
    );
    const [first, second, third] = processes;
    if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
    return {
      ...{ url, first, second, third, processes, faults },
      used: async (user = "", tenant = "acme") => (await first.take(0, user, tenant)).used,
      lose: () => redis.command("FLUSHALL"),
      restoreAll: () => Promise.all(processes.map(({ restore }) => restore.run())),
      [Symbol.asyncDispose]: async () => void (await Promise.all(processes.map(({ end }) => end()))),
    };
  }

  test("after FLUSHALL by three at once and again brings every quota back once, beside what was taken since", async () => {
    await using w = await world("a:");
    for (const [i, { take }] of w.processes.entries()) {
      await take(30 + i, "kim");
      await take(10 + i, "lee");
    }
    expect(await w.used("kim")).toEqual([126, 93]);
    for (const { write } of w.processes) await write();
    await w.lose();
    for (const { take } of w.processes) await take(1, "lee");
    expect(await w.used("lee")).toEqual([3, 3]);
    expect(w.processes.map(({ restore }) => restore.owed())).toEqual([1, 1, 1]);
    await w.restoreAll();
    expect([await w.used("lee"), await w.used("kim")]).toEqual([
      [129, 36],
      [129, 93],
    ]);
    for (const { restore } of w.processes) restore.owe("acme");
    await w.restoreAll();
    expect(await w.used("kim")).toEqual([129, 93]);
    expect(w.processes.map(({ restore }) => restore.owed())).toEqual([0, 0, 0]);
    // Three quotas of a month and three of a day were below, however many saw it.
    expect(w.processes.reduce((sum, { restore }) => sum + restore.tally().raised, 0)).toBe(6);
  });

  test("a monthly limit that was reached before is reached after it", async () => {
    await using w = await world("b:");
    await w.first.take(200, "kim");
    expect((await w.first.take(1, "kim")).admitted).toBe(false);
    await w.first.write();
    await w.lose();
    expect((await w.second.take(1, "lee")).admitted).toBe(true);
    await w.second.restore.run();
    expect((await w.third.take(1, "kim")).admitted).toBe(false);
    expect((await w.third.take(1, "lee")).admitted).toBe(true);
  });

  test("rows that arrive late, and a second loss, are made good by the next one", async () => {
    await using w = await world("c:");
    await w.first.take(30, "kim");
    await w.second.take(40, "kim");
    await w.first.write();
    await w.lose();
    await w.third.take(5, "kim");
    await w.restoreAll();
    expect(await w.used("kim")).toEqual([35, 35]);
    await w.second.write();
    w.second.restore.owe("acme");
    await w.second.restore.run();
    expect(await w.used("kim")).toEqual([75, 75]);
    await w.third.write();
    await w.lose();
    await w.first.take(1, "kim");
    await w.restoreAll();
    expect(await w.used("kim")).toEqual([76, 76]);
  });

  test("who does not know the tenant's generation is told it by the store, and one that is gone is forgotten", async () => {
    await using w = await world("d:");
    await w.first.take(30, "kim");
    await w.first.write();
    await w.lose();
    await w.first.take(1, "kim");
    for (const tenant of ["acme", "gone", "unheard-of"]) w.third.restore.owe(tenant);
    await w.third.restore.run();
    expect(await w.used("kim")).toEqual([31, 31]);
    expect(w.third.restore.tally()).toEqual({ owed: 0, restored: 2, raised: 4, failed: 0 });
  });

  test("who does not know a tenant leaves what it is owed in the database for those who do", async () => {
    await using w = await world("h:");
    await run(w.url, "insert into quota_generations (tenant_id, generation) values ('gone', 1), ('acme', 1)");
    const debts = await run(w.url, "select tenant_id as tenant, owed as debt from quota_generations");
    for (const { tenant, debt } of debts) w.first.restore.owe(String(tenant), String(debt));
    await w.first.restore.run();
    expect(w.first.restore.owed()).toBe(0);
    const left = await run(w.url, "select tenant_id from quota_generations where owed is not null");
    expect(left).toEqual([{ tenant_id: "gone" }]);
  });

  test("a correction restores its counter first, keeps restores away until it is committed, and no restore undoes it", async () => {
    await using w = await world("e:");
    await w.first.take(150, "kim");
    await w.first.write();
    await w.lose();
    await w.second.take(1, "kim");
    const { counters, pool } = w.third;
    const client = await pool.connect();
    const ask = async (text: string, values: unknown[]) => (await client.query(text, values)).rows;
    await client.query("begin");
    await lockForAdjusting(ask, "acme");
    const periods = periodsAt("UTC", counters.nowMs());
    const kim = { scope: "TENANT_USER", api: null, user: "kim" } as const;
    expect(await restoreCounter(counters, ask, { ...kim, tenant: "acme", periods })).toBeNull();
    const change = { kind: "reset", windows: ["month"] } as const;
    const adjusted = await counters.adjust({ id: "a", tenant: "acme", periods, changes: [{ ...kim, change }] });
    expect(adjusted).toMatchObject({ counters: [[{ before: 151, after: 0 }]] });
    const restored = w.first.restore;
    restored.owe("acme");
    const running = restored.run();
    await waitFor("the restore waits for the lock", async () => {
      const waiting = await run(w.url, "select from pg_locks where locktype = 'advisory' and not granted");
      return waiting.length === 1;
    });
    await ask(
      `insert into quota_adjustments (id, tenant_id, scope, api, user_id, quota_window, period_label, amount, reason)
      values ('a', 'acme', 'TENANT_USER', '', 'kim', 'month', $1, -151, 'a test')`,
      [periods.month.current.label],
    );
    await client.query("commit");
    client.release();
    await running;
    expect(await w.used("kim")).toEqual([151, 0]);
    await w.second.write();
    await w.restoreAll();
    expect(await w.used("kim")).toEqual([151, 0]);
    await w.lose();
    await w.second.take(2, "kim");
    await w.restoreAll();
    expect(await w.used("kim")).toEqual([153, 2]);
  });

  test("counters or a database that are away leave it owed, and it is done when they are back", async () => {
    await using w = await world("f:");
    await w.first.take(30, "kim");
    await w.first.write();
    await w.lose();
    await w.first.take(1, "kim");
    redis.freeze();
    try {
      await w.first.restore.run();
    } finally {
      redis.thaw();
    }
    expect(w.first.restore.owed()).toBe(1);
    expect(w.first.restore.tally().failed).toBeGreaterThan(0);
    await postgres.kill();
    await w.first.restore.run();
    await w.first.restore.run();
    expect([w.first.restore.owed(), w.faults.length]).toEqual([1, 1]);
    await postgres.restart();
    await waitFor("it is done", async () => {
      await w.first.restore.run();
      return w.first.restore.owed() === 0;
    });
    expect(await w.used("kim")).toEqual([31, 31]);
  }, 60_000);

  test("many tenants are restored in a few batches, and one that is owed meanwhile is restored again", async () => {
    await using w = await world("g:");
    const tenants = Array.from({ length: 250 }, (_, i) => `t${i}`);
    for (const tenant of tenants) await w.first.take(5, "kim", tenant);
    await w.first.write();
    await w.lose();
    for (const tenant of tenants) await w.first.take(1, "kim", tenant);
    expect(w.first.restore.owed()).toBe(tenants.length);
    const running = w.first.restore.run();
    await waitFor("it is under way", () => w.first.restore.tally().restored > 0);
    w.first.restore.owe("t0");
    await running;
    for (const tenant of tenants) expect(await w.used("kim", tenant)).toEqual([6, 6]);
    expect(w.first.restore.tally()).toMatchObject({ owed: 0, restored: tenants.length + 1, failed: 0 });
  });
});
