import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import type { Claim } from "../counters/claim.ts";
import { MemoryCounters } from "../counters/counters.memory.ts";
import { createLedger } from "../fallback/ledger.ts";
import { periodsAt } from "../limits/quota-period.ts";
import { openPostgres } from "../platform/postgres.ts";
import { Acknowledged } from "./acknowledged.ts";
import { createHarvest } from "./harvest.job.ts";
import { createRestore } from "./restore.job.ts";
import { startUsageSnapshot, type UsageSnapshot } from "./usage-snapshot.job.ts";
import { closeWriters } from "./usage-writers.pg.ts";

/** Nothing here waits for the interval: every writing is asked for. */
const EVERY_MS = 3_600_000;
const LIMIT = 1_000;
const source = { policyId: "p", target: "TENANT", scope: "TENANT" } as const;
const MONTH: Claim = {
  scope: "TENANT",
  api: null,
  enforced: [{ window: "month", capacity: LIMIT, source }],
  shadow: [],
};

describeWithPostgres("the UsageSnapshot", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** One start of a process over counters in its memory. */
  async function start(url: string) {
    let snapshot: UsageSnapshot | null = null;
    const faults: unknown[] = [];
    const onFault = (fault: unknown) => void faults.push(fault);
    const postgres = openPostgres({ url, poolSize: 2 });
    const { pool } = postgres;
    let history = await closeWriters(pool, [], null, 10_000);
    const acknowledged = new Acknowledged({ onGeneration: (tenant) => snapshot?.owe(tenant) });
    const counters = new MemoryCounters(Date.now, acknowledged);
    const ledger = createLedger(acknowledged.owner);
    const generationOf = (tenant: string) => acknowledged.quotas.generationOf(tenant);
    const restore = createRestore({ pool, counters, timeZoneOf: () => "UTC", generationOf, onFault });
    snapshot = startUsageSnapshot({
      ...{ pool, acknowledged, ledger, onFault, everyMs: EVERY_MS },
      after: Promise.resolve(),
      history: () => history,
      harvest: createHarvest({ pool, hashes: null, intervalMs: EVERY_MS, onHarvested: () => undefined, onFault }),
      restore,
    });
    await snapshot.run();
    const periods = periodsAt("UTC", Date.now());
    const take = async (cost: number) => {
      const check = { claims: [MONTH], user: "kim", cost, requestId: null, usageApi: "GET /v1" };
      const taken = await counters.take({ tenant: "acme", periods, maxUsersPerDay: 10, checks: [check] });
      return taken.checks[0]?.admitted;
    };
    const stop = async () => {
      await snapshot?.close();
      await postgres.close();
    };
    const standIn = (cost: number) =>
      ledger.admitPending({ tenant: "acme", user: "kim", usageApi: "GET /v1", claims: [MONTH], cost, periods });
    return {
      ...{ snapshot, restore, faults, take, standIn, stop },
      hearOfHistory: () => {
        history = "another one";
      },
    };
  }
  const recorded = (url: string) =>
    run(
      url,
      "select source, sum(total)::int as total, sum(retracted)::int as retracted from usage_rows group by 1 order by 1",
    );

  test("what was admitted is written once, by the counters and by the Fallback; nothing is written twice", async () => {
    const url = await server.migratedDatabase();
    const process = await start(url);
    await process.take(3);
    const settle = process.standIn(5);
    await process.snapshot.run();
    settle(true);
    await process.take(4);
    await process.snapshot.run();
    expect(await recorded(url)).toEqual([
      { source: "FALLBACK", total: 5, retracted: 5 },
      { source: "STORE", total: 7, retracted: 0 },
    ]);
    const before = process.snapshot.tally();
    await process.snapshot.run();
    expect(process.snapshot.tally()).toMatchObject({ written: before.written, unwritten: 0, lost: 0, late: 0 });
    await process.stop();
    expect(process.faults).toEqual([]);
  });

  test("while PostgreSQL is away it is kept, and written when it is back", async () => {
    const url = await server.migratedDatabase();
    const process = await start(url);
    await process.take(3);
    await server.kill();
    await process.snapshot.run();
    await process.take(4);
    expect(process.snapshot.tally().unwritten).toBeGreaterThan(0);
    expect(process.faults).toHaveLength(1);
    await server.restart();
    await waitFor("it is written", async () => {
      await process.snapshot.run();
      return process.snapshot.tally().unwritten === 0;
    });
    expect(await recorded(url)).toEqual([{ source: "STORE", total: 7, retracted: 0 }]);
    await process.stop();
  });

  test("a database that was set back gets everything once more", async () => {
    const url = await server.migratedDatabase();
    const process = await start(url);
    await process.take(3);
    await process.snapshot.run();
    await run(url, "delete from usage_rows; delete from quota_rows");
    await process.snapshot.run();
    expect(await recorded(url)).toEqual([]);
    process.hearOfHistory();
    await process.snapshot.run();
    expect(await recorded(url)).toEqual([{ source: "STORE", total: 3, retracted: 0 }]);
    expect(await run(url, "select sum(total)::int as total from quota_rows")).toEqual([{ total: 3 }]);
    await process.stop();
  });

  test("a process that ends without having heard that the database was set back leaves everything in it", async () => {
    const url = await server.migratedDatabase();
    const copy = await server.backup();
    const process = await start(url);
    await process.take(3);
    await process.snapshot.run();
    await server.restoreOnNewTimeline(copy);
    expect(await recorded(url)).toEqual([]);
    await process.stop();
    expect(await recorded(url)).toEqual([{ source: "STORE", total: 3, retracted: 0 }]);
    expect(await run(url, "select distinct ended from usage_writers")).toEqual([{ ended: "CLOSED" }]);
  }, 60_000);

  test("a process that ends in the history it knows writes nothing twice", async () => {
    const url = await server.migratedDatabase();
    const process = await start(url);
    await process.take(3);
    await process.snapshot.run();
    await run(url, "delete from usage_rows");
    await process.stop();
    expect([await recorded(url), process.faults]).toEqual([[], []]);
  });

  test("who writes under another generation than others did restores, and who ends before leaves it to the next", async () => {
    const url = await server.migratedDatabase();
    const process = await start(url);
    const restoredBy = async (cost: number) => {
      const before = process.restore.tally().restored;
      await process.take(cost);
      await process.snapshot.run();
      return process.restore.tally().restored - before;
    };
    expect([await restoredBy(1), await restoredBy(1)]).toEqual([1, 0]);
    await run(url, "update quota_generations set generation = generation + 5");
    expect([await restoredBy(1), await restoredBy(1)]).toEqual([1, 0]);
    const other = await start(url);
    other.standIn(2)(false);
    await other.stop();
    expect(await run(url, "select generation::text from quota_generations")).toEqual([{ generation: "0" }]);
    expect([await restoredBy(1), await restoredBy(1)]).toEqual([1, 0]);
    await process.stop();
  });

  test("a restore that a process was told to make and that it ends before stands in the database, like the one that did", async () => {
    const url = await server.migratedDatabase();
    const process = await start(url);
    process.snapshot.owe("acme");
    process.snapshot.owe("birch");
    await process.stop();
    const owed = () => run(url, "select tenant_id, owed from quota_generations order by 1");
    const left = await owed();
    expect(left).toEqual([
      { tenant_id: "acme", owed: expect.any(String) },
      { tenant_id: "birch", owed: expect.any(String) },
    ]);
    const other = await start(url);
    other.snapshot.owe("acme");
    await other.stop();
    expect(await owed()).toEqual(left);
  });

  test("the tail is written at the end, nothing is left to harvest, and the next process knows the quota", async () => {
    const url = await server.migratedDatabase();
    const first = await start(url);
    expect(await first.take(LIMIT - 1)).toBe(true);
    await first.stop();
    expect(await recorded(url)).toEqual([{ source: "STORE", total: LIMIT - 1, retracted: 0 }]);
    expect(await run(url, "select distinct ended from usage_writers")).toEqual([{ ended: "CLOSED" }]);

    const second = await start(url);
    expect(await second.take(1), "counters in memory begin empty").toBe(true);
    await waitFor("its quota is compared", async () => {
      await second.snapshot.run();
      return (await second.take(1)) === false;
    });
    await second.stop();
    const [sum] = await run(url, "select sum(total)::int as total from usage_rows");
    expect(sum?.total).toBeLessThanOrEqual(LIMIT + 1);
  });
});
