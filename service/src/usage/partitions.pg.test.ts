import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { grantServiceRights } from "../platform/migrate.ts";
import { connectPostgres, openPostgres } from "../platform/postgres.ts";
import { keepPartitions } from "./partitions.job.ts";
import { dropMonths, openMonths } from "./partitions.pg.ts";

const MONTHS =
  "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage_rows'::regclass order by 1";

describeWithPostgres("the months of usage and limit hits", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world() {
    const url = await server.migratedDatabase();
    const { pool, close } = openPostgres({ url });
    const months = async () => (await run(url, MONTHS)).map(({ name }) => name);
    return { url, pool, months, [Symbol.asyncDispose]: close };
  }

  test("each is opened once, however many instances open it at once", async () => {
    await using w = await world();
    const opened = await Promise.all(
      Array.from({ length: 8 }, () => openMonths(w.pool, "usage_rows", [202611, 202612])),
    );
    expect(opened.flat().sort()).toEqual([202611, 202612]);
    expect(await w.months()).toEqual(["usage_rows_202611", "usage_rows_202612"]);
  });

  test("every date of a month lies in it, the last of December too", async () => {
    await using w = await world();
    await openMonths(w.pool, "usage_rows", [202612, 202701]);
    const put = `insert into usage_rows (tenant_id, day_label, user_id, api, incarnation, source, total)
      select 'acme', label, '', 'ANY /**', 'p.0', 'STORE', 1 from unnest(array[20261201, 20261231, 20270101]) label`;
    await run(w.url, put);
    expect(
      await run(w.url, "select tableoid::regclass::text as month, day_label as day from usage_rows order by 2"),
    ).toEqual([
      { month: "usage_rows_202612", day: 20261201 },
      { month: "usage_rows_202612", day: 20261231 },
      { month: "usage_rows_202701", day: 20270101 },
    ]);
  });

  test("only months before the oldest are dropped, and never the present one", async () => {
    await using w = await world();
    await openMonths(w.pool, "usage_rows", [202001, 202002, 202003, 202004]);
    expect(await dropMonths(w.pool, "usage_rows", 202003)).toEqual(["usage_rows_202001", "usage_rows_202002"]);
    expect(await w.months()).toEqual(["usage_rows_202003", "usage_rows_202004"]);
    await expect(dropMonths(w.pool, "usage_rows", 999912)).rejects.toThrow("The present month would be dropped");
  });

  test("what is no month, or no table of months, is refused", async () => {
    await using w = await world();
    await expect(openMonths(w.pool, "usage_rows", [202613])).rejects.toThrow("202613 is no month");
    await expect(w.pool.query("select open_month('plans', 202601)")).rejects.toThrow();
  });

  test("a table in use is waited for with a bound", async () => {
    await using w = await world();
    await openMonths(w.pool, "usage_rows", [202001]);
    const reader = await connectPostgres({ url: w.url });
    await reader.query("begin; select from usage_rows");
    await expect(dropMonths(w.pool, "usage_rows", 202002)).rejects.toThrow("lock timeout");
    expect(await openMonths(w.pool, "usage_rows", [202002])).toEqual([202002]);
    await reader.end();
    await waitFor("the month to be free", () => dropMonths(w.pool, "usage_rows", 202002));
  });

  test("the service's role keeps the months without owning them; a role without rights cannot", async () => {
    await using w = await world();
    for (const role of ["keeper", "stranger"]) await run(w.url, `create role ${role} login`);
    await grantServiceRights({ url: w.url }, "keeper");
    const as = (role: string) => openPostgres({ url: w.url.replace("postgres@", `${role}@`) });
    const [keeper, stranger] = [as("keeper"), as("stranger")];
    expect(await openMonths(keeper.pool, "limit_hits", [202001])).toEqual([202001]);
    await expect(openMonths(stranger.pool, "limit_hits", [202002])).rejects.toThrow("may not insert");
    await expect(dropMonths(stranger.pool, "limit_hits", 202002)).rejects.toThrow("may not delete");
    expect(await dropMonths(keeper.pool, "limit_hits", 202002)).toEqual(["limit_hits_202001"]);
    await Promise.all([keeper.close(), stranger.close()]);
  });

  test("the keeper opens the present months of every table and drops the old, and tells when it cannot", async () => {
    await using w = await world();
    await openMonths(w.pool, "usage_rows", [202001]);
    await run(w.url, "alter function open_month rename to hidden");
    const [dropped, faults]: [string[], unknown[]] = [[], []];
    const keeper = keepPartitions({
      pool: w.pool,
      retention: { usageMonths: 1, limitHitDays: 1 },
      nowMs: () => Date.parse("2026-06-15T00:00:00Z"),
      after: Promise.resolve(),
      onDropped: (partitions) => dropped.push(...partitions),
      onFault: (fault) => faults.push(fault),
    });
    await waitFor("the fault to be told", () => faults.length === 1);
    await run(w.url, "alter function hidden rename to open_month");
    await waitFor("the last table's months", async () => {
      const [row] = await run(w.url, "select to_regclass('limit_hits_202607') is not null as opened");
      return row?.opened === true;
    });
    await keeper.close();
    expect(await w.months()).toEqual(["usage_rows_202606", "usage_rows_202607"]);
    expect([dropped, faults]).toMatchObject([["usage_rows_202001"], [{ code: "42883" }]]);
  });
});
