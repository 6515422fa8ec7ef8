import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { connectPostgres, openPostgres } from "./postgres.ts";

describeWithPostgres("a PostgreSQL on two hosts, of which one takes writes", () => {
  let one: TestPostgres;
  let other: TestPostgres;
  let url: string;
  beforeAll(async () => {
    [one, other] = await Promise.all([startPostgres(), startPostgres()]);
    url = `postgres://postgres@127.0.0.1:${one.port},127.0.0.1:${other.port}/postgres?target_session_attrs=read-write`;
    for (const server of [one, other]) await run(server.url("postgres"), "create table notes (id int)");
  });
  afterAll(async () => {
    await Promise.all([one?.stop(), other?.stop()]);
  });
  beforeEach(async () => await onlyWritable(one));

  const onlyWritable = async (writable: TestPostgres) => {
    for (const server of [one, other]) {
      const isReadOnly = server === writable ? "off" : "on";
      await run(server.url("postgres"), `alter system set default_transaction_read_only = ${isReadOnly}`);
      await run(server.url("postgres"), "select pg_reload_conf()");
      const settled = async () => (await run(server.url("postgres"), "show transaction_read_only"))[0];
      await waitFor("it holds", async () => (await settled())?.transaction_read_only === isReadOnly);
    }
  };
  const openOn = async (server: TestPostgres, name: string) =>
    (await run(server.url("postgres"), "select from pg_stat_activity where application_name = $1", [name])).length;

  test("is used where it takes writes, by the pool and by single connections", async () => {
    const postgres = openPostgres({ url, applicationName: "found" });
    expect(await portOf(postgres.pool)).toBe(one.port);
    const client = await connectPostgres({ url });
    expect(await portOf(client)).toBe(one.port);
    await client.end();
    await postgres.close();
  });

  test("is followed when a statement is refused as on a standby: one fails, the next is on the other host", async () => {
    const postgres = openPostgres({ url, applicationName: "follows" });
    const write = () => postgres.pool.query("insert into notes values (1)");
    await write();
    await onlyWritable(other);
    await expect(write()).rejects.toMatchObject({ code: "25006" });
    await write();
    expect(await portOf(postgres.pool)).toBe(other.port);
    await waitFor("the connections to the old one are closed", async () => (await openOn(one, "follows")) === 0);
    await postgres.close();
    expect(await openOn(other, "follows")).toBe(0);
  });

  test("is followed when it dies, and answers with a connection fault while none takes writes", async () => {
    const postgres = openPostgres({ url });
    await postgres.pool.query("select 1");
    await one.kill();
    const faultOf = () =>
      postgres.pool.query("select 1").then(
        () => null,
        (fault: unknown) => fault,
      );
    await waitFor("none is found", async () => {
      const fault = await faultOf();
      return fault instanceof Error && "code" in fault && fault.code === "08001";
    });
    await run(other.url("postgres"), "alter system set default_transaction_read_only = off");
    await run(other.url("postgres"), "select pg_reload_conf()");
    await waitFor("it writes", () => postgres.pool.query("insert into notes values (2)"));
    await one.restart();
    await postgres.close();
  });
});

async function portOf(asked: { query: (text: string) => Promise<{ rows: { port?: number }[] }> }): Promise<unknown> {
  return (await asked.query("select inet_server_port() as port")).rows[0]?.port;
}
