// Corrections through the Admin API, over a real Redis and a real PostgreSQL: what is answered, what is written down, and
// what a restore makes of it. What an adjustment does to counters is in the conformance suite.
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { type RedisNode, startRedis } from "../../test/redis.ts";
import { describeWith } from "../../test/services.ts";
import { NOW_MS, openAdminWorld } from "../admin/admin.world.ts";
import { Acknowledged } from "../usage/acknowledged.ts";
import { createRestore } from "../usage/restore.job.ts";
import { MAX_TOTALS, writeQuotaTotals } from "../usage/write-totals.pg.ts";
import { adjustmentRoutes } from "./adjustments.admin.ts";
import { monthUsed, openRedisCounters, orderOf } from "./counters.world.ts";

const LABEL = 202611;

describeWith(["redis-server", "postgres"], "a correction through the Admin API", () => {
  let redis: RedisNode;
  let postgres: TestPostgres;
  beforeAll(async () => {
    [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  });
  afterAll(async () => void (await Promise.all([redis?.stop(), postgres?.stop()])));

  /** Two processes that count for the tenant acme, and the Admin API of the second. */
  async function world(keyPrefix: string) {
    const url = await postgres.migratedDatabase();
    await run(url, "insert into plans (name) values ('FREE')");
    await run(url, "insert into tenants (id, name, plan, time_zone) values ('acme', 'Acme', 'FREE', 'UTC')");
    let nowMs = NOW_MS;
    const openProcess = async () => {
      const acknowledged = new Acknowledged();
      const options = { keyPrefix, acknowledged, deadlineMs: 10_000, clock: () => nowMs };
      const { counters } = await openRedisCounters([`${redis.host}:${redis.port}`], options);
      return { counters, acknowledged };
    };
    const [first, second] = [await openProcess(), await openProcess()];
    const { counters, acknowledged } = second;
    const admin = await openAdminWorld(url, () => adjustmentRoutes(counters));
    const restore = createRestore({
      ...{ pool: admin.postgres.pool, counters, timeZoneOf: () => "UTC" },
      generationOf: (tenant) => acknowledged.quotas.generationOf(tenant),
      onFault: (fault) => admin.failures.push(fault),
    });
    type Process = typeof first;
    return {
      url,
      ...{ first, second },
      take: async ({ counters: of }: Process, cost: number) => {
        const taken = await of.take(orderOf("acme", NOW_MS, { cost }));
        if (taken.kind !== "answered") throw new Error(`not answered: ${taken.cause}`);
        return taken.generation;
      },
      write: async ({ acknowledged: { quotas } }: Process) => {
        await writeQuotaTotals(admin.postgres.pool, quotas.takeChanged(MAX_TOTALS).totals, 10_000);
      },
      correct: (what: "grant" | "reset", body: object) => {
        return admin.ask("POST", `/admin/tenants/acme/counters/${what}`, { body: { reason: "a test", ...body } });
      },
      restore: async () => {
        restore.owe("acme");
        await restore.run();
        expect([restore.owed(), admin.failures]).toEqual([0, []]);
      },
      /** A new generation is named after its first moment. */
      lose: async () => {
        await redis.command("FLUSHALL");
        nowMs += 1;
      },
      used: () => monthUsed(counters, "acme"),
      [Symbol.asyncDispose]: async () => {
        await restore.close();
        await Promise.all([counters.close(), first.counters.close()]);
        await admin[Symbol.asyncDispose]();
      },
    };
  }

  test("answers and audits what was used before and after, and no more; the row says what came off since", async () => {
    await using w = await world("a:");
    const generation = await w.take(w.first, 40);
    const granted = await w.correct("grant", { scope: "TENANT", window: "month", amount: 30 });
    expect(granted).toMatchObject({ status: 200 });
    expect(granted.body).toEqual({ windows: [{ window: "month", before: 40, after: 10 }], remainder: 0 });
    const reset = await w.correct("reset", { scope: "TENANT", windows: ["quotaDay", "month"] });
    expect(reset.body).toEqual({
      windows: [
        { window: "quotaDay", before: 0, after: 0 },
        { window: "month", before: 10, after: 0 },
      ],
      remainder: 0,
    });
    const rows = await run(w.url, "select * from quota_adjustments order by amount");
    const ofMonth = { quota_window: "month", period_label: LABEL, generation: String(generation) };
    expect(rows).toMatchObject([
      { ...ofMonth, amount: "-30", off_since: "30" },
      { ...ofMonth, amount: "-10", off_since: "10" },
    ]);
    const audited = await run(w.url, "select before, after from audit_logs where action = 'counter.grant'");
    expect(audited).toEqual([
      {
        before: { counter: { scope: "TENANT", window: "month", amount: 30 }, used: { month: 40 } },
        after: { counter: { scope: "TENANT", window: "month", amount: 30 }, used: { month: 10 }, reason: "a test" },
      },
    ]);
  });

  test("shortly after a loss hides nothing that is written down later", async () => {
    await using w = await world("b:");
    await w.take(w.first, 30);
    await w.lose();
    await w.take(w.second, 20);
    const granted = await w.correct("grant", { scope: "TENANT", window: "month", amount: 10 });
    expect(granted.body).toMatchObject({ windows: [{ before: 20, after: 10 }] });
    // The row of what was taken under the present generation is not written yet.
    await w.write(w.first);
    await w.restore();
    expect(await w.used()).toBe(40);
    await w.write(w.second);
    await w.restore();
    expect(await w.used()).toBe(40);
    await w.lose();
    await w.take(w.first, 1);
    await w.restore();
    expect(await w.used()).toBe(41);
  });
});
