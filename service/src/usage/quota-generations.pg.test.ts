import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { openPostgres } from "../platform/postgres.ts";
import { openMonths } from "./partitions.pg.ts";
import { leaveOwed, markRestored, type OwedRestore } from "./quota-generations.pg.ts";
import { writeQuotaTotals } from "./write-totals.pg.ts";

const TIMEOUT_MS = 10_000;
const MONTH = { scope: "TENANT", api: null, user: null, window: "month", label: 202611 } as const;
/** 0 = what the Fallback admitted. */
type Wrote = readonly [tenant: string, ...generations: number[]];

describeWithPostgres("restores that are owed because of rows that were written", () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function world() {
    const url = await server.migratedDatabase();
    const { pool, close } = openPostgres({ url, poolSize: 8 });
    await openMonths(pool, "quota_rows", [202611]);
    const writeAs = async (incarnation: string, ...wrote: Wrote[]) => {
      const rows = wrote.flatMap(([tenant, ...generations]) =>
        generations.map((generation) => ({
          ...{ ...MONTH, tenant, incarnation, generation, total: 1, retracted: 0 },
          source: generation === 0 ? ("FALLBACK" as const) : ("STORE" as const),
        })),
      );
      return await writeQuotaTotals(pool, rows, TIMEOUT_MS);
    };
    const pay = (debts: readonly OwedRestore[]) => markRestored(pool, debts, TIMEOUT_MS);
    return {
      ...{ url, writeAs, pay },
      write: (...wrote: Wrote[]) => writeAs("p.0", ...wrote),
      /** Who is told, each paying at once. */
      told: async (...wrote: Wrote[]) => {
        const debts = await writeAs("p.0", ...wrote);
        await pay(debts);
        return namesOf(debts);
      },
      leave: (...tenants: string[]) => leaveOwed(pool, tenants, TIMEOUT_MS),
      [Symbol.asyncDispose]: close,
    };
  }

  test("the first of a generation is told, and so is who comes late with the one before, however the clock went", async () => {
    await using w = await world();
    expect(await w.told(["acme", 900], ["birch", 900])).toEqual(["acme", "birch"]);
    expect(await w.told(["acme", 900], ["birch", 900])).toEqual([]);
    expect(await w.told(["acme", 700], ["birch", 900])).toEqual(["acme"]);
    expect(await w.told(["acme", 700])).toEqual([]);
    expect(await w.told(["acme", 900])).toEqual(["acme"]);
    expect(await w.told()).toEqual([]);
  });

  test("rows of several generations at once, and what the Fallback admitted, make a restore owed each time", async () => {
    await using w = await world();
    await w.told(["acme", 900]);
    expect(await w.told(["acme", 0])).toEqual(["acme"]);
    expect(await w.told(["acme", 0])).toEqual(["acme"]);
    expect(await w.told(["acme", 900])).toEqual(["acme"]);
    expect(await w.told(["acme", 700, 900])).toEqual(["acme"]);
    expect(await w.told(["acme", 900])).toEqual(["acme"]);
    expect(await w.told(["acme", 900])).toEqual([]);
  });

  test("every writer is told until somebody has restored, for whoever was told first may be dead", async () => {
    await using w = await world();
    const [first, second] = [await w.write(["acme", 900]), await w.write(["acme", 900])];
    expect(namesOf(second)).toEqual(["acme"]);
    await w.pay(first);
    expect(await w.write(["acme", 900])).toEqual([]);
    expect(await w.write(["birch", 900], ["acme", 900])).toMatchObject([{ tenant: "birch" }]);
  });

  test("who restored before other rows came pays nothing for those", async () => {
    await using w = await world();
    const before = await w.write(["acme", 900]);
    const late = await w.write(["acme", 700]);
    await w.pay(before);
    expect(namesOf(await w.write(["acme", 700]))).toEqual(["acme"]);
    await w.pay(late);
    expect(await w.write(["acme", 700])).toEqual([]);
  });

  test("what somebody leaves is told to the next writer, also of a tenant that nobody has written of", async () => {
    await using w = await world();
    await w.told(["acme", 900]);
    await w.leave("acme", "birch");
    await w.leave();
    expect(await w.told(["acme", 900], ["birch", 900])).toEqual(["acme", "birch"]);
    expect(await w.told(["acme", 900], ["birch", 900])).toEqual([]);
  });

  test("of two that differ at once the second is told, with the rows of the first to be read; nobody locks out another", async () => {
    await using w = await world();
    const tenants = Array.from({ length: 60 }, (_, i) => `t${i}`);
    await w.told(...tenants.map((tenant): Wrote => [tenant, 1]));
    const told = await Promise.all(
      Array.from({ length: 8 }, (_, writer) => {
        const wrote = tenants.map((tenant): Wrote => [tenant, 2 + (writer % 2)]);
        return w.writeAs(`q.${writer}`, ...(writer < 4 ? wrote : wrote.toReversed()));
      }),
    );
    const ofGeneration = (rest: number) => new Set(told.filter((_, writer) => writer % 2 === rest).flatMap(namesOf));
    expect([ofGeneration(0).size, ofGeneration(1).size]).toEqual([tenants.length, tenants.length]);
    const owed = "select count(*)::int as rows from quota_generations where generation in (2, 3) and owed is not null";
    expect(await run(w.url, owed)).toEqual([{ rows: tenants.length }]);
  });
});

function namesOf(debts: readonly OwedRestore[]): string[] {
  return debts.map(({ tenant }) => tenant).sort();
}
