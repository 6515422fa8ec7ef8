import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { startProxy } from "../../test/proxy.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { openPostgres } from "../platform/postgres.ts";
import { openMonths } from "../usage/partitions.pg.ts";
import { MONTHLY_TABLES } from "../usage/partitions.ts";
import { hit, line, NOON_MS } from "./limit-hit.world.ts";
import { LimitHitBuffer } from "./limit-hit-buffer.ts";
import { addLimitHits, forgetWriters } from "./limit-hit-write.pg.ts";
import { type LimitHitWriter, startLimitHitWriter } from "./limit-hit-writer.job.ts";

const TIMEOUT_MS = 10_000;
const SUMS =
  "select coalesce(sum(hits), 0)::int as hits, coalesce(sum(cost), 0)::int as cost, count(*)::int as rows from limit_hits";

describeWithPostgres("the record of limit hits", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world(months: readonly number[] = [202611]) {
    const url = await server.migratedDatabase();
    const { pool, close } = openPostgres({ url, poolSize: 8 });
    for (const table of MONTHLY_TABLES) await openMonths(pool, table, months);
    const sums = async () => (await run(url, SUMS))[0];
    return { url, pool, sums, [Symbol.asyncDispose]: close };
  }

  /** A writer that writes again and again, over `url`. */
  function writing(url: string) {
    const buffer = new LimitHitBuffer();
    const { pool, close } = openPostgres({ url });
    const faults: { fault: unknown; lost: number }[] = [];
    const onFault = (fault: unknown, lost: number) => faults.push({ fault, lost });
    const writer: LimitHitWriter = startLimitHitWriter({ pool, buffer, everyMs: 10, onFault });
    const dispose = async () => {
      await writer.close();
      await close();
    };
    return { buffer, writer, faults, [Symbol.asyncDispose]: dispose };
  }

  test("lines alike add up across chunks and writers: counts, costs, first and last", async () => {
    await using w = await world();
    const early = line({ hits: 2, cost: 5, firstMs: NOON_MS + 10_123, lastMs: NOON_MS + 20_000 });
    const late = line({ hits: 3, cost: 7, firstMs: NOON_MS + 15_000, lastMs: NOON_MS + 30_456 });
    await addLimitHits(w.pool, { writer: "a", sequence: 1, lines: [late] }, TIMEOUT_MS);
    await addLimitHits(w.pool, { writer: "b", sequence: 1, lines: [early, line({ user: "lee" })] }, TIMEOUT_MS);
    const rows = await run(
      w.url,
      "select hits::int, cost::int, first_at, last_at from limit_hits where user_id = 'kim'",
    );
    expect(rows).toEqual([
      { hits: 5, cost: 12, first_at: new Date(NOON_MS + 10_123), last_at: new Date(NOON_MS + 30_456) },
    ]);
    expect(await w.sums()).toEqual({ hits: 6, cost: 13, rows: 2 });
    expect(await run(w.url, "select day_label, user_id, denied::int from denied_rows order by 2")).toEqual([
      { day_label: 20261122, user_id: "kim", denied: 5 },
      { day_label: 20261122, user_id: "lee", denied: 1 },
    ]);
  });

  test("a chunk that is sent again is added once, the next one is added", async () => {
    await using w = await world();
    const chunk = { writer: "a", sequence: 1, lines: [line()] };
    for (let time = 0; time < 3; time += 1) await addLimitHits(w.pool, chunk, TIMEOUT_MS);
    expect(await w.sums()).toMatchObject({ hits: 1 });
    await forgetWriters(w.pool, TIMEOUT_MS);
    await addLimitHits(w.pool, chunk, TIMEOUT_MS);
    await addLimitHits(w.pool, { ...chunk, sequence: 2 }, TIMEOUT_MS);
    expect(await w.sums()).toMatchObject({ hits: 2 });
  });

  test("many writers of the same lines in any order lose nothing and never lock each other out", async () => {
    await using w = await world();
    const users = Array.from({ length: 100 }, (_, user) => line({ user: `u${user}` }));
    const write = async (writer: number) => {
      const lines = writer % 2 === 0 ? users : users.toReversed();
      for (let sequence = 1; sequence <= 5; sequence += 1) {
        await addLimitHits(w.pool, { writer: `w${writer}`, sequence, lines }, TIMEOUT_MS);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
    expect(await w.sums()).toEqual({ hits: 4_000, cost: 4_000, rows: 100 });
    expect(await run(w.url, "select sum(denied)::int as denied from denied_rows")).toEqual([{ denied: 4_000 }]);
  });

  test("hits of an outage, and a chunk whose answer was lost, are written once", async () => {
    await using w = await world();
    await using proxy = await proxyTo(server);
    await using job = writing(w.url.replace(`:${server.port}/`, `:${proxy.port}/`));
    job.buffer.note(hit());
    await waitFor("the first hit", async () => (await w.sums())?.hits === 1);
    proxy.holdReplies();
    job.buffer.note(hit());
    await waitFor("the second hit to be in PostgreSQL, unanswered", async () => (await w.sums())?.hits === 2);
    for (let more = 0; more < 10; more += 1) job.buffer.note(hit({ user: "lee" }));
    proxy.cut();
    await waitFor("the fault to be told", () => job.faults.length === 1);
    proxy.releaseReplies();
    await waitFor("the hits of the outage", async () => (await w.sums())?.hits === 12);
    expect(job.faults).toMatchObject([{ lost: 0 }]);
  });

  test("a month that is missing is opened on the way", async () => {
    await using w = await world([]);
    await using job = writing(w.url);
    job.buffer.note(hit({ dayLabel: 20300101 }));
    await waitFor("the hit", async () => (await w.sums())?.hits === 1);
    expect(job.faults).toMatchObject([{ lost: 0 }]);
  });

  test("a chunk that PostgreSQL never takes is given up and counted, and holds up nobody", async () => {
    await using w = await world();
    await using job = writing(w.url);
    job.buffer.note(hit({ policyId: "\u0000" }));
    await waitFor("it to be given up", () => job.faults.length === 1);
    job.buffer.note(hit());
    await waitFor("the next hit", async () => (await w.sums())?.hits === 1);
    expect(job.faults).toMatchObject([{ lost: 1 }]);
    expect(job.buffer.tally()).toMatchObject({ dropped: 1 });
  });

  test("the end writes what is left, in chunks", async () => {
    await using w = await world();
    const buffer = new LimitHitBuffer();
    const writer = startLimitHitWriter({ pool: w.pool, buffer, everyMs: 3_600_000, onFault: () => undefined });
    for (let user = 0; user < 1_000; user += 1) buffer.note(hit({ user: `u${user}` }));
    await writer.close();
    expect(await w.sums()).toMatchObject({ hits: 1_000, rows: 1_000 });
  });

  test("the end with PostgreSQL away says what is lost", async () => {
    await using proxy = await proxyTo(server);
    const url = await server.migratedDatabase();
    const job = writing(url.replace(`:${server.port}/`, `:${proxy.port}/`));
    await proxy.close();
    job.buffer.note(hit());
    job.buffer.note(hit());
    await job[Symbol.asyncDispose]();
    expect(job.faults.at(-1)).toMatchObject({ lost: 2 });
  });
});

async function proxyTo(server: TestPostgres) {
  const proxy = await startProxy(server.port);
  return { ...proxy, [Symbol.asyncDispose]: () => proxy.close().catch(() => undefined) };
}
