import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { openPostgres } from "./postgres.ts";
import { OutcomeUnknown } from "./postgres-commit.ts";

type Tables = { notes: { id: number } };

/** Well past the time limit of the transactions below. */
const WAITING = `
  select pid from pg_stat_activity
  where application_name = 'commits' and wait_event = 'SyncRep' and clock_timestamp() - query_start > '400 ms'`;

describeWithPostgres("a commit that waits for a standby which is not there", () => {
  let server: TestPostgres;
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.emptyDatabase();
    await run(url, "create table notes (id int primary key)");
    await run(url, "alter system set synchronous_standby_names = 'nobody'");
    await run(url, "select pg_reload_conf()");
  });
  afterAll(() => server?.stop());

  test("is no success when the server's own time limit is over, and nobody knows its outcome when it breaks", async () => {
    const postgres = openPostgres<Tables>({ url, applicationName: "commits" });
    const committing = postgres.sql.transaction().execute(async (transaction) => {
      await transaction.insertInto("notes").values({ id: 1 }).execute();
      await sql.raw("set local statement_timeout = 100").execute(transaction);
    });
    committing.catch(() => undefined);
    const [waiting] = await waitFor("the commit waits", async () => {
      const rows = await run(url, WAITING);
      return rows.length > 0 && rows;
    });
    await run(url, "select pg_terminate_backend($1)", [waiting?.pid]);
    await expect(committing).rejects.toThrow(OutcomeUnknown);
    await postgres.close();
  });

  test("is not blamed for what failed before it: that is told as it was, and nothing is done", async () => {
    const postgres = openPostgres<Tables>({ url, applicationName: "commits" });
    const broken = postgres.sql.transaction().execute(async (transaction) => {
      await sql.raw("select pg_terminate_backend(pg_backend_pid())").execute(transaction);
    });
    await expect(broken).rejects.toMatchObject({ code: "57P01" });
    await postgres.close();
  });
});
