import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import { migrate } from "./migrate.ts";
import { stepsOf } from "./migrate-steps.ts";
import { connectPostgres } from "./postgres.ts";

const ROWS = 50_000;
const LOADED = `
  create table calls (label integer not null, number bigint not null) partition by range (label);
  create table calls_1 partition of calls for values from (1) to (2);
  create table calls_2 partition of calls for values from (2) to (3);
  insert into calls select 1 + n % 2, n from generate_series(1, ${ROWS}) n;`;
const INDEX = `-- no transaction
-- The statistics first; then each month without holding up its writers; then the whole.
vacuum (analyze) calls;
create index concurrently if not exists {partition of calls}_number
  on {partition of calls} (number);
create index if not exists calls_number on calls (number);
vacuum (analyze) calls;
`;
const INVALID = "select indexrelid::regclass::text from pg_index where not indisvalid";

test("only a file with the marker is a list of steps, and steps that cannot be repeated are refused", () => {
  const steps = (sql: string) => stepsOf({ name: "0009_index.sql", sql });
  expect(steps("create index a on b (c);\n")).toBe(null);
  expect(steps("-- no transaction\n-- why; because\nvacuum b;\n\nanalyze\n  b;\n")).toEqual([
    "vacuum b",
    "analyze\n  b",
  ]);
  expect(() => steps("-- no transaction\ncreate index concurrently a on b (c);")).toThrow("IF NOT EXISTS name");
  expect(() => steps("-- no transaction\ndo $$ begin; end $$;")).toThrow("0009_index.sql holds a body in $$");
});

test("the embedded database takes the steps too, and takes them once", async () => {
  await using folder = await migrations({ "0001_calls.sql": LOADED, "0002_index.sql": INDEX });
  const embedded = await startEmbeddedPostgres({ folder: join(folder.path, "data") });
  try {
    const applied = await Promise.all([migrate(embedded, folder.path), migrate(embedded, folder.path)]);
    expect(applied.flat().sort()).toEqual(["0001_calls.sql", "0002_index.sql"]);
    const plan = await run(embedded.url, "explain (costs off) select from calls where label = 1 and number = 7");
    expect(JSON.stringify(plan)).toContain("calls_1_number");
  } finally {
    await embedded.close();
  }
});

describeWithPostgres("a migration outside of a transaction", () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  test("gives a loaded table fresh statistics and a valid index, once, by however many instances", async () => {
    const url = await postgres.emptyDatabase();
    await using folder = await migrations({ "0001_calls.sql": LOADED, "0002_index.sql": INDEX });
    const applied = await Promise.all(Array.from({ length: 5 }, () => migrate({ url }, folder.path)));
    expect(applied.flat().sort()).toEqual(["0001_calls.sql", "0002_index.sql"]);
    expect(await run(url, INVALID)).toEqual([]);
    const plan = await run(url, "explain (costs off) select from calls where label = 1 and number = 7");
    expect(JSON.stringify(plan)).toContain("calls_1_number");
    const done = "relname like 'calls__' and vacuum_count = 2 and analyze_count = 2";
    await waitFor("both partitions to be vacuumed and analysed before and after", async () => {
      const [stats] = await run(url, `select count(*)::int as done from pg_stat_user_tables where ${done}`);
      return stats?.done === 2;
    });
    expect(await run(url, "select sum(reltuples)::int as rows from pg_class where relname like 'calls__'")).toEqual([
      { rows: ROWS },
    ]);
  });

  test("writers go on while the index is built", async () => {
    const url = await postgres.emptyDatabase();
    await using folder = await migrations({ "0001_calls.sql": LOADED });
    await migrate({ url }, folder.path);
    await writeFile(join(folder.path, "0002_index.sql"), INDEX);
    const slow = await connectPostgres({ url });
    await slow.query("begin; insert into calls values (1, 0)");
    const migrated = migrate({ url }, folder.path);
    await waitFor("the index to wait for the transaction", async () => {
      const waiting = "query ilike 'create index concurrently%' and wait_event_type = 'Lock'";
      return (await run(url, `select from pg_stat_activity where ${waiting}`)).length === 1;
    });
    await run(url, "set lock_timeout = '10s'; insert into calls values (1, -1)");
    await slow.query("commit");
    await slow.end();
    expect(await migrated).toEqual(["0002_index.sql"]);
    expect(await run(url, INVALID)).toEqual([]);
  });

  test("what a failed attempt left is dropped, and the file is done from its beginning", async () => {
    const url = await postgres.emptyDatabase();
    const unique = "-- no transaction\ncreate unique index concurrently if not exists once on calls_1 (number);\n";
    await using folder = await migrations({ "0001_calls.sql": LOADED, "0002_unique.sql": unique });
    await writeFile(join(folder.path, "0001_calls.sql"), `${LOADED} insert into calls values (1, 2);`);
    await expect(migrate({ url }, folder.path)).rejects.toThrow("could not create unique index");
    expect(await run(url, INVALID)).toEqual([{ indexrelid: "once" }]);
    await run(url, "delete from calls_1 where ctid = (select max(ctid) from calls_1 where number = 2)");
    expect(await migrate({ url }, folder.path)).toEqual(["0002_unique.sql"]);
    expect(await run(url, INVALID)).toEqual([]);
  });
});

/** A folder of migrations, gone with its owner. */
async function migrations(files: Readonly<Record<string, string>>) {
  const path = await mkdtemp(join(tmpdir(), "sluice-steps-"));
  for (const [name, sql] of Object.entries(files)) await writeFile(join(path, name), sql);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
