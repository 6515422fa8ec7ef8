import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { openPostgres } from "../platform/postgres.ts";
import {
  beat,
  claimSearch,
  claimWriter,
  closeWriters,
  forgetEndedWriters,
  markHarvested,
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
    const agedBy = (interval: string, writer: string) =>
      run(url, `update usage_writers set flushed_at = now() - interval '${interval}' where incarnation = '${writer}'`);
    const silent = () => silentWriters(pool, HOUR_MS, TIMEOUT_MS);
    const known = async () =>
      (await run(url, "select incarnation, ended from usage_writers order by 1")).map(Object.values);
    return { url, pool, agedBy, silent, known, [Symbol.asyncDispose]: close };
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
    await closeWriters(w.pool, ["a.0", "b.0"], TIMEOUT_MS);
    await w.agedBy("2 hours", "a.0");
    expect(await w.silent()).toEqual([]);
    expect(await w.known()).toEqual([
      ["a.0", "CLOSED"],
      ["b.0", "CLOSED"],
    ]);
    await beat(w.pool, ["b.0"], TIMEOUT_MS);
    expect(await w.known()).toContainEqual(["b.0", null]);
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

  test("who is registered by others counts as heard of now, and who is known stays as it is", async () => {
    await using w = await world(["a.0"]);
    await w.agedBy("2 hours", "a.0");
    await closeWriters(w.pool, ["b.0"], TIMEOUT_MS);
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
    await closeWriters(w.pool, ["a.0", "b.0"], TIMEOUT_MS);
    for (const writer of ["a.0", "c.0"]) await w.agedBy("36 days", writer);
    await forgetEndedWriters(w.pool, TIMEOUT_MS);
    expect(await w.known()).toEqual([
      ["b.0", "CLOSED"],
      ["c.0", null],
    ]);
  });
});
