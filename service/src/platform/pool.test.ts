import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { openPostgres, type Postgres } from "./postgres.ts";

const LOOPS = 8;
const TRANSACTIONS = 200;
const SIZES = [8, 3, 6, 2, 7, 7, 4, 1, 5, 3];

type Tables = { accounts: { id: number; balance: number } };

describeWithPostgres("a pool that is rebuilt while it is used", () => {
  let server: TestPostgres;
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.emptyDatabase();
    await run(url, "create table accounts (id int primary key, balance int not null)");
    await run(url, "insert into accounts select id, 0 from generate_series(1, 8) as id");
  });
  afterAll(() => server?.stop());

  test("fails no transaction, ends at the new size, and never holds more than old and new", async () => {
    const applicationName = "rebuilt";
    let size = 4;
    const postgres = openPostgres<Tables>({ url, poolSize: size, applicationName });
    const watching = await watch(url, applicationName);

    let begun = 0;
    let rebuilds = 0;
    const loop = async (_: unknown, index: number) => {
      // Rebuilds overlap with work for as long as there are any, however fast this machine is.
      while (begun < TRANSACTIONS || rebuilds < SIZES.length) {
        begun += 1;
        await transfer(postgres, index + 1);
      }
    };
    const working = Promise.all(Array.from({ length: LOOPS }, loop));
    for (const next of SIZES) {
      const most = size + next;
      const begunBefore = begun;
      watching.forget();
      expect(await postgres.pool.rebuild(next)).toEqual({ size: next, left: 0 });
      await waitFor("work goes on", () => begun > begunBefore + LOOPS);
      await waitFor("it is seen", () => watching.looks() > 1);
      expect(watching.most()).toBeGreaterThan(0);
      expect(watching.most()).toBeLessThanOrEqual(most);
      size = next;
      rebuilds += 1;
    }
    await working;
    expect(await run(url, "select sum(balance)::int as sum from accounts")).toEqual([{ sum: begun }]);
    expect(postgres.pool.size).toBe(size);
    expect(await countOf(url, applicationName)).toBeLessThanOrEqual(size);
    await watching.end();
    await postgres.close();
    expect(await countOf(url, applicationName)).toBe(0);
  });

  test("serves whoever waits for an old connection, and ends an old one that is idle", async () => {
    const postgres = openPostgres({ url, poolSize: 1, applicationName: "waited for" });
    const holder = await postgres.pool.connect();
    const { rows: before } = await holder.query("select pg_backend_pid() as pid");
    const waiter = postgres.pool.query("select pg_backend_pid() as pid");
    const rebuilt = postgres.pool.rebuild(2);
    await waitFor("new work goes to the new pool", () => postgres.pool.size === 2);
    const { rows: after } = await postgres.pool.query("select pg_backend_pid() as pid");
    expect(after).not.toEqual(before);
    holder.release();
    expect((await waiter).rows).toEqual(before);
    expect(await rebuilt).toEqual({ size: 2, left: 0 });
    expect(await run(url, "select pid from pg_stat_activity where application_name = 'waited for'")).toEqual(after);
    await postgres.close();
  });

  test("ends although a rebuild is under way, and is not rebuilt afterwards", async () => {
    const postgres = openPostgres({ url, poolSize: 2, applicationName: "ended" });
    const holder = await postgres.pool.connect();
    const rebuilding = [postgres.pool.rebuild(3), postgres.pool.rebuild(5)];
    await postgres.pool.query("select 1");
    const closing = postgres.close();
    holder.release();
    await closing;
    await Promise.all(rebuilding);
    expect(postgres.pool.size).toBe(3);
    expect(await countOf(url, "ended")).toBe(0);
  });
});

async function transfer(postgres: Postgres<Tables>, id: number): Promise<void> {
  await postgres.sql.transaction().execute(async (change) => {
    const { balance } = await change
      .selectFrom("accounts")
      .select("balance")
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirstOrThrow();
    await change
      .updateTable("accounts")
      .set({ balance: balance + 1 })
      .where("id", "=", id)
      .execute();
  });
}

/** Looks at the server again and again, over one connection of its own. */
async function watch(url: string, applicationName: string) {
  const watcher = openPostgres({ url, poolSize: 1, applicationName: "watcher" });
  let isEnding = false;
  let looks = 0;
  let most = 0;
  const looking = (async () => {
    while (!isEnding) {
      const { rows } = await watcher.pool.query(COUNT, [applicationName]);
      looks += 1;
      most = Math.max(most, rows[0].count);
    }
  })();
  return {
    looks: () => looks,
    most: () => most,
    forget: () => {
      looks = 0;
      most = 0;
    },
    end: async () => {
      isEnding = true;
      await looking;
      await watcher.close();
    },
  };
}

const COUNT = "select count(*)::int as count from pg_stat_activity where application_name = $1";

async function countOf(url: string, applicationName: string): Promise<unknown> {
  return (await run(url, COUNT, [applicationName]))[0]?.count;
}
