import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { openPostgres } from "../platform/postgres.ts";
import { noteGenerations, RESTORE_LEFT_UNDONE } from "./quota-generations.pg.ts";

const TIMEOUT_MS = 10_000;

describeWithPostgres("generations that quotas were last written under", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world() {
    const url = await server.migratedDatabase();
    const { pool, close } = openPostgres({ url, poolSize: 8 });
    const note = (...written: [string, number][]) => noteGenerations(pool, written, TIMEOUT_MS);
    return { url, note, [Symbol.asyncDispose]: close };
  }

  test("the first of a generation is told, and so is who comes late with the one before, however the clock went", async () => {
    await using w = await world();
    expect(await w.note(["acme", 900], ["birch", 900])).toEqual(["acme", "birch"]);
    expect(await w.note(["acme", 900], ["birch", 900])).toEqual([]);
    expect(await w.note(["acme", 700], ["birch", 900])).toEqual(["acme"]);
    expect(await w.note(["acme", 700])).toEqual([]);
    expect(await w.note(["acme", 900])).toEqual(["acme"]);
    expect(await w.note()).toEqual([]);
  });

  test("what somebody left undone is told to the next writer, once", async () => {
    await using w = await world();
    await w.note(["acme", 900]);
    await w.note(["acme", RESTORE_LEFT_UNDONE]);
    expect(await w.note(["acme", 900])).toEqual(["acme"]);
    expect(await w.note(["acme", 900])).toEqual([]);
  });

  test("of two that differ at once both are told, and of many that agree one at least; nobody locks out another", async () => {
    await using w = await world();
    const tenants = Array.from({ length: 200 }, (_, i) => `t${i}`);
    await w.note(...tenants.map((tenant): [string, number] => [tenant, 1]));
    const told = await Promise.all(
      Array.from({ length: 8 }, (_, writer) => {
        const written = tenants.map((tenant): [string, number] => [tenant, 2 + (writer % 2)]);
        return w.note(...(writer < 4 ? written : written.toReversed()));
      }),
    );
    const ofGeneration = (rest: number) => new Set(told.filter((_, writer) => writer % 2 === rest).flat());
    expect([ofGeneration(0).size, ofGeneration(1).size]).toEqual([tenants.length, tenants.length]);
    const [rows] = await run(w.url, "select count(*)::int as rows from quota_generations where generation in (2, 3)");
    expect(rows).toEqual({ rows: tenants.length });
  });
});
