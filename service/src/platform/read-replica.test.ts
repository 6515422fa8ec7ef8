import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { startReplica, type TestReplica } from "../../test/postgres-replica.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { openPostgres, type Postgres } from "./postgres.ts";
import { openReadDatabase, type ReadDatabase } from "./read-replica.ts";

const MAX_LAG_MS = 2_000;

const PORT = sql<number>`inet_server_port()`;

type Tables = { notes: { id: number } };

describeWithPostgres("reads that may be a little old", () => {
  let server: TestPostgres;
  let url: string;
  let primary: Postgres<Tables>;
  let replica: TestReplica;
  let reads: ReadDatabase<Tables>;
  let faults: unknown[];
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.emptyDatabase();
    await run(url, "create table notes (id int primary key)");
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    await run(url, "truncate notes");
    replica = await startReplica(server);
    primary = openPostgres<Tables>({ url, poolSize: 2 });
    faults = [];
    reads = openReadDatabase<Tables>({
      primary,
      replica: { postgres: { url: replica.url("test_1"), poolSize: 2 }, maxLagMs: MAX_LAG_MS },
      onFault: (fault) => faults.push(fault),
    });
  });
  afterEach(async () => {
    await reads.close();
    await primary.close();
    await replica.stop();
  });

  const add = (id: number) => primary.sql.insertInto("notes").values({ id }).execute();
  const ids = () =>
    reads.read(async (sql) => (await sql.selectFrom("notes").select("id").orderBy("id").execute()).map(({ id }) => id));
  /** Also where each was answered, because what a read says of itself is to be proven. */
  const places = () => reads.read(async (sql) => await sql.selectNoFrom(PORT.as("port")).executeTakeFirstOrThrow());

  test("come from a replica that has everything, and from the primary when it falls behind", async () => {
    await add(1);
    await replica.caughtUp();
    await waitFor("the replica answers", async () => (await ids()).source === "replica");
    expect(await ids()).toMatchObject({ result: [1], source: "replica" });

    await replica.pauseReplay();
    await add(2);
    const stale = await waitFor("the primary answers", async () => {
      const answer = await ids();
      // Until then the answer is old, within its word.
      if (answer.source === "replica") expect(answer.lagMs).toBeLessThanOrEqual(MAX_LAG_MS);
      return answer.source === "primary" && answer;
    });
    expect(stale).toEqual({ result: [1, 2], source: "primary", lagMs: 0 });

    await replica.resumeReplay();
    await replica.caughtUp();
    const fresh = await waitFor("the replica answers again", async () => {
      const answer = await ids();
      return answer.source === "replica" && answer;
    });
    expect(fresh.result).toEqual([1, 2]);
    expect(faults).toEqual([]);
  });

  test("come from the replica of a primary that has been silent for longer than the bound", async () => {
    await add(1);
    await replica.caughtUp();
    const silent = "select clock_timestamp() - pg_last_xact_replay_timestamp() > '2500 ms' as is_silent";
    await waitFor("silence", async () => (await run(replica.url("test_1"), silent))[0]?.is_silent);
    expect(await ids()).toMatchObject({ result: [1], source: "replica" });
  });

  test("come from the primary when the replica is cut off, though it has applied all that it received", async () => {
    await add(1);
    await replica.caughtUp();
    await replica.cutOff();
    await waitFor("a replica that lacks nothing yet answers", async () => (await ids()).source === "replica");
    await add(2);
    const answer = await waitFor("the primary answers", async () => {
      const answer = await ids();
      return answer.source === "primary" && answer;
    });
    expect(answer.result).toEqual([1, 2]);
    expect(faults).toEqual([]);
  });

  test("say truly who answered", async () => {
    await replica.caughtUp();
    const { result, source } = await places();
    expect(source).toBe("replica");
    expect(result.port).toBe(Number(new URL(replica.url("test_1")).port));
    await replica.kill();
    const after = await places();
    expect(after).toMatchObject({ source: "primary", result: { port: server.port } });
  });

  test("leave a replica that died alone, without a fault for the reader", async () => {
    await replica.caughtUp();
    expect((await ids()).source).toBe("replica");
    await replica.kill();
    const answers = await Promise.all(Array.from({ length: 20 }, ids));
    expect(answers.every(({ source }) => source === "primary")).toBe(true);
    const told = faults.length;
    expect(told).toBeGreaterThan(0);
    expect((await ids()).source).toBe("primary");
    expect(faults).toHaveLength(told);
  });

  test("blame the query, not the replica, for a query that fails on both", async () => {
    await replica.caughtUp();
    const broken = reads.read((sql) =>
      sql
        .selectFrom("notes")
        .select("missing" as "id")
        .execute(),
    );
    await expect(broken).rejects.toThrow('column "missing" does not exist');
    expect((await ids()).source).toBe("replica");
    expect(faults).toEqual([]);
  });

  test("do not trust a replica that was promoted, nor a server of another cluster", async () => {
    await replica.promote();
    expect((await ids()).source).toBe("primary");
    expect(String(faults[0])).toContain("was promoted");

    const stranger = await startPostgres({ isStranger: true });
    const others = openReadDatabase<Tables>({
      primary,
      replica: { postgres: { url: stranger.url("postgres") }, maxLagMs: MAX_LAG_MS },
      onFault: (fault) => faults.push(fault),
    });
    const answer = await others.read((sql) => sql.selectFrom("notes").select("id").execute());
    expect(answer).toEqual({ result: [], source: "primary", lagMs: 0 });
    expect(String(faults.at(-1))).toContain("is no replica");
    await others.close();
    await stranger.stop();
  });

  test("come from the primary where there is no replica", async () => {
    const alone = openReadDatabase<Tables>({ primary, replica: null });
    await add(1);
    const answer = await alone.read((sql) => sql.selectFrom("notes").select("id").execute());
    expect(answer).toEqual({ result: [{ id: 1 }], source: "primary", lagMs: 0 });
    await alone.close();
  });
});
