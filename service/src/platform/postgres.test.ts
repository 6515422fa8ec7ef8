import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { bounded, openPostgres } from "./postgres.ts";

describeWithPostgres("a pool of connections", () => {
  let server: TestPostgres;
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.emptyDatabase();
  });
  afterAll(() => server?.stop());

  test("a connection that breaks, idle or between two queries, fails the next query and not the process", async () => {
    const uncaught: unknown[] = [];
    const note = (fault: unknown) => void uncaught.push(fault);
    process.on("uncaughtException", note);
    const postgres = openPostgres({ url, poolSize: 2, applicationName: "breaks" });
    const client = await postgres.pool.connect();
    const idle = await postgres.pool.connect();
    idle.release();
    const ended = new Promise<void>((resolve) => client.once("end", resolve));
    await client.query("begin");
    const broken = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'breaks'";
    expect(await run(url, broken)).toHaveLength(2);
    await ended;
    await expect(client.query("commit")).rejects.toThrow();
    client.release(true);
    await waitFor("the idle one to be dropped", () => postgres.pool.totalCount === 0);
    expect((await postgres.pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    expect(uncaught).toEqual([]);
    process.off("uncaughtException", note);
    await postgres.close();
  });

  test("integers of 8 bytes are numbers, and one beyond 2^53 is refused instead of rounded", async () => {
    const postgres = openPostgres({ url });
    const read = (value: string) => postgres.pool.query(`select ${value}::bigint as value`);
    expect((await read("9007199254740991")).rows).toEqual([{ value: Number.MAX_SAFE_INTEGER }]);
    await expect(read("9007199254740993")).rejects.toThrow("beyond 2^53");
    await postgres.close();
  });

  test("a bounded query gives up on a server that does not answer", async () => {
    const postgres = openPostgres({ url });
    const client = await postgres.pool.connect();
    await expect(client.query(bounded(50, "select pg_sleep(600)"))).rejects.toThrow("timeout");
    client.release(true);
    await postgres.close();
  });
});
