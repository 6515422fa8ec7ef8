import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { connectPostgres, openPostgres } from "../platform/postgres.ts";
import { readHead } from "../policies/policy-head.pg.ts";
import {
  beat,
  claimSearch,
  claimWriter,
  closeWriters,
  forgetEndedWriters,
  harvestedLongAgo,
  markHarvested,
  markHarvestedAgain,
  registerWriters,
  silentWriters,
  unclaimWriter,
} from "./usage-writers.pg.ts";

const TIMEOUT_MS = 10_000;
const HOUR_MS = 3_600_000;

describeWithPostgres("the register of who writes totals", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world(writers: readonly string[]) {
    const url = await server.migratedDatabase();
    const { pool, close } = openPostgres({ url });
    await beat(pool, writers, TIMEOUT_MS);
    const history = await closeWriters(pool, [], null, TIMEOUT_MS);
    const closed = (...writers: string[]) => closeWriters(pool, writers, history, TIMEOUT_MS);
    const agedBy = (interval: string, writer: string) =>
      run(url, `update usage_writers set flushed_at = now() - interval '${interval}' where incarnation = '${writer}'`);
    const silent = () => silentWriters(pool, HOUR_MS, TIMEOUT_MS);
    const known = async () =>
      (await run(url, "select incarnation, ended from usage_writers order by 1")).map(Object.values);
    return { url, pool, history, closed, agedBy, silent, known, [Symbol.asyncDispose]: close };
  }

  test("silent is who was not heard of for so long, the longest first, until it beats again", async () => {
    await using w = await world(["a.0", "b.0", "c.0"]);
    await w.agedBy("2 hours", "a.0");
    await w.agedBy("3 hours", "c.0");
    expect(await w.silent()).toEqual(["c.0", "a.0"]);
    await beat(w.pool, ["c.0", "d.0"], TIMEOUT_MS);
    expect(await w.silent()).toEqual(["a.0"]);
  });

  test("who closed is not silent, known before or not, and who beats after all has not ended", async () => {
    await using w = await world(["a.0"]);
    await w.closed("a.0", "b.0");
    await w.agedBy("2 hours", "a.0");
    expect(await w.silent()).toEqual([]);
    expect(await w.known()).toEqual([
      ["a.0", "CLOSED"],
      ["b.0", "CLOSED"],
    ]);
    await beat(w.pool, ["b.0"], TIMEOUT_MS);
    expect(await w.known()).toContainEqual(["b.0", null]);
  });

  test("nobody is closed in another history than the one everything was written in, which is told as policies know it", async () => {
    await using w = await world(["a.0"]);
    for (const other of [null, `${w.history}1`]) {
      expect(await closeWriters(w.pool, ["a.0", "b.0"], other, TIMEOUT_MS)).toBe(w.history);
    }
    expect(await w.known()).toEqual([["a.0", null]]);
    const client = await connectPostgres({ url: w.url });
    const { version } = await readHead(client);
    await client.end();
    expect(w.history).toBe(`${version.systemId} ${version.timeline}`);
  });

  test("one of many claims a silent writer, and another one once that runs out or is given back", async () => {
    await using w = await world(["a.0"]);
    const claim = (forMs: number) => claimWriter(w.pool, "a.0", forMs, TIMEOUT_MS);
    const claims = await Promise.all(Array.from({ length: 8 }, () => claim(HOUR_MS)));
    expect(claims.filter((claimed) => claimed)).toHaveLength(1);
    await unclaimWriter(w.pool, "a.0", TIMEOUT_MS);
    expect(await claim(-1)).toBe(true);
    expect(await claim(HOUR_MS)).toBe(true);
  });

  test("a beat tells of the latest harvest, another one each time, given up or not", async () => {
    await using w = await world(["a.0"]);
    const told = async () => await beat(w.pool, ["a.0"], TIMEOUT_MS);
    expect(await told()).toEqual([{ incarnation: "a.0", until: null }]);
    const seen = new Set<string | null>();
    for (const giveUp of [true, false, true]) {
      expect(await claimWriter(w.pool, "a.0", -1, TIMEOUT_MS)).toBe(true);
      if (giveUp) await unclaimWriter(w.pool, "a.0", TIMEOUT_MS);
      const [first] = await told();
      expect(await told(), "nothing since").toEqual([first]);
      seen.add(first?.until ?? null);
    }
    expect(seen).not.toContain(null);
    expect(seen.size).toBe(3);
  });

  test("harvested is not who was heard of meanwhile", async () => {
    await using w = await world(["a.0", "b.0"]);
    await w.agedBy("2 hours", "a.0");
    for (const writer of ["a.0", "b.0"]) await markHarvested(w.pool, writer, HOUR_MS, TIMEOUT_MS);
    expect(await w.known()).toEqual([
      ["a.0", "HARVESTED"],
      ["b.0", null],
    ]);
    expect(await claimWriter(w.pool, "a.0", HOUR_MS, TIMEOUT_MS)).toBe(false);
  });

  test("the harvested are due again after being silent for twice as long, the longest due first and not too many", async () => {
    await using w = await world(["a.0", "b.0", "c.0", "d.0", "e.0"]);
    const harvested = (writer: string, heardOf: string, harvestedAt: string) =>
      run(
        w.url,
        `update usage_writers set ended = 'HARVESTED', flushed_at = now() - interval '${heardOf}',
          harvested_at = now() - interval '${harvestedAt}' where incarnation = '${writer}'`,
      );
    await harvested("a.0", "60 minutes", "29 minutes");
    await harvested("b.0", "60 minutes", "31 minutes");
    await harvested("c.0", "60 minutes", "50 minutes");
    await harvested("d.0", "60 minutes", "50 minutes");
    const due = (limit = 8) => harvestedLongAgo(w.pool, ["a.0", "b.0", "c.0", "e.0"], limit, TIMEOUT_MS);
    expect(await due()).toEqual(["c.0", "b.0"]);
    expect(await due(1)).toEqual(["c.0"]);
    await run(w.url, "update usage_writers set harvested_at = null where incarnation = 'a.0'");
    expect(await due(1), "harvested by a former release").toEqual(["a.0"]);
    for (const writer of ["a.0", "c.0", "e.0"]) await markHarvestedAgain(w.pool, writer, TIMEOUT_MS);
    await beat(w.pool, ["b.0"], TIMEOUT_MS);
    expect(await due()).toEqual([]);
    expect(await w.known()).toContainEqual(["e.0", null]);
  });

  test("who is registered by others counts as heard of now, and who is known stays as it is", async () => {
    await using w = await world(["a.0"]);
    await w.agedBy("2 hours", "a.0");
    await w.closed("b.0");
    await registerWriters(w.pool, ["a.0", "b.0", "c.0"], TIMEOUT_MS);
    expect(await w.silent()).toEqual(["a.0"]);
    expect(await w.known()).toEqual([
      ["a.0", null],
      ["b.0", "CLOSED"],
      ["c.0", null],
    ]);
  });

  test("one of many may search at a time", async () => {
    await using w = await world([]);
    expect(await claimSearch(w.pool, HOUR_MS, TIMEOUT_MS)).toBe(false);
    await run(w.url, "update usage_searches set searched_at = now() - interval '2 hours'");
    const claims = await Promise.all(Array.from({ length: 8 }, () => claimSearch(w.pool, HOUR_MS, TIMEOUT_MS)));
    expect(claims.filter((claimed) => claimed)).toHaveLength(1);
  });

  test("who ended long ago is forgotten, who did not end never", async () => {
    await using w = await world(["a.0", "b.0", "c.0"]);
    await w.closed("a.0", "b.0");
    for (const writer of ["a.0", "c.0"]) await w.agedBy("36 days", writer);
    await forgetEndedWriters(w.pool, TIMEOUT_MS);
    expect(await w.known()).toEqual([
      ["b.0", "CLOSED"],
      ["c.0", null],
    ]);
  });
});
