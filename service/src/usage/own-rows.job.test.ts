// A process that was taken for dead while it lived, on a real PostgreSQL.
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { connectPostgres, openPostgres } from "../platform/postgres.ts";
import { createOwnRows } from "./own-rows.job.ts";
import type { UsageTotal } from "./total-rows.ts";
import { UsageTotals } from "./usage-totals.ts";
import { beat, claimWriter } from "./usage-writers.pg.ts";
import { writeHarvest, writeUsageTotals } from "./write-totals.pg.ts";

const TIMEOUT_MS = 10_000;
/** Later than any day that can be folded while these tests are run. */
const DAY = 20991122;
const SINCE = DAY - 1;
const INCARNATION = "p.0";
const IS_SILENT = { incarnation: INCARNATION, silentForMs: 60_000 };

describeWithPostgres("the rows of a process that was taken for dead", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** One process, whose rows are those of 250 tenants. */
  async function world() {
    const url = await server.migratedDatabase();
    const { pool, close } = openPostgres({ url, poolSize: 2 });
    const usage = new UsageTotals("p");
    const ownRows = createOwnRows(pool, usage);
    const rows = Array.from({ length: 250 }, (_, tenant) => usage.row(`t${tenant}`, "GET /v1", "kim", DAY, 10));
    const write = async () => {
      const { totals } = usage.takeChanged(1_000);
      await writeUsageTotals(pool, totals, TIMEOUT_MS);
      return totals.length;
    };
    const hearOf = async (timeoutMs = TIMEOUT_MS) =>
      await ownRows.lookAfter(await beat(pool, [INCARNATION], TIMEOUT_MS), SINCE, () => timeoutMs);
    /** As others find it in the store. */
    const harvest = async (total: number) => {
      await run(url, "update usage_writers set flushed_at = now() - interval '1 hour'");
      await claimWriter(pool, INCARNATION, -1, TIMEOUT_MS);
      const found: UsageTotal[] = rows.map(({ tenant }) => ({
        ...{ tenant, user: "kim", usageApi: "GET /v1", dayLabel: DAY, incarnation: INCARNATION },
        ...{ source: "STORE", total, retracted: 0 },
      }));
      await writeHarvest(pool, { ...IS_SILENT, rows: found }, TIMEOUT_MS);
    };
    const used = async () =>
      (await run(url, "select distinct (total - retracted)::int as used from usage_rows")).map(({ used }) => used);
    const acknowledge = (cost: number) => {
      for (const row of rows) usage.acknowledge(row, DAY, cost);
    };
    return { url, acknowledge, write, hearOf, harvest, used, [Symbol.asyncDispose]: close };
  }

  test("what was acknowledged is what was used, however often it is harvested alive, and what it left at its death is added", async () => {
    await using w = await world();
    w.acknowledge(5);
    await w.write();
    expect(await w.hearOf(), "nobody harvested it").toBe(false);
    await w.harvest(8);
    expect(await w.used(), "three were refused and not given back").toEqual([8]);
    expect(await w.hearOf()).toBe(true);
    expect(await w.write()).toBe(250);
    expect(await w.used()).toEqual([5]);
    expect([await w.hearOf(), await w.write()], "once").toEqual([false, 0]);
    w.acknowledge(2);
    await w.write();
    expect(await w.used()).toEqual([7]);
    await w.harvest(9);
    expect(await w.hearOf()).toBe(true);
    await w.write();
    expect(await w.used()).toEqual([7]);
    await w.harvest(11);
    expect(await w.used(), "it died").toEqual([11]);
  });

  test("it looks again until it could", async () => {
    await using w = await world();
    w.acknowledge(5);
    await w.write();
    await w.hearOf();
    await w.harvest(8);
    const client = await connectPostgres({ url: w.url });
    await client.query("begin");
    await client.query("lock table usage_rows in access exclusive mode");
    await expect(w.hearOf(50)).rejects.toThrow("timeout");
    await client.end();
    expect(await w.hearOf()).toBe(true);
    await w.write();
    expect(await w.used()).toEqual([5]);
  });
});
