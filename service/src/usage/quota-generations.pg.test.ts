import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startPostgres, type TestPostgres } from "../../test/postgres.ts";
import { describeWithPostgres } from "../../test/services.ts";
import { waitFor } from "../../test/wait.ts";
import { queryWithin } from "../platform/bounded-query.ts";
import { migrate } from "../platform/migrate.ts";
import type { RebuildablePool } from "../platform/pool.ts";
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

  async function world(locale: string | null = null) {
    const url = locale === null ? await server.migratedDatabase() : await databaseIn(locale);
    const { pool, close } = openPostgres({ url, poolSize: 8 });
    await openMonths(pool, "quota_rows", [202611]);
    const writeOver = async (to: RebuildablePool, incarnation: string, wrote: readonly Wrote[]) => {
      const rows = wrote.flatMap(([tenant, ...generations]) =>
        generations.map((generation) => ({
          ...{ ...MONTH, tenant, incarnation, generation, total: 1, retracted: 0 },
          source: generation === 0 ? ("FALLBACK" as const) : ("STORE" as const),
        })),
      );
      return await writeQuotaTotals(to, rows, TIMEOUT_MS);
    };
    const writeAs = (incarnation: string, ...wrote: Wrote[]) => writeOver(pool, incarnation, wrote);
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
      leave: (...tenants: string[]) => leaveOwed(pool, tenants, () => TIMEOUT_MS),
      /** Of another process, which has one connection. */
      openTransaction: async () => {
        const own = openPostgres({ url, poolSize: 1 });
        await queryWithin(own.pool, TIMEOUT_MS, "begin");
        return {
          write: (...wrote: Wrote[]) => writeOver(own.pool, "o.0", wrote),
          commit: () => queryWithin(own.pool, TIMEOUT_MS, "commit"),
          [Symbol.asyncDispose]: own.close,
        };
      },
      someoneWaits: () =>
        waitFor("one waits for the other", async () => {
          const waiting = await run(url, "select from pg_locks where locktype = 'transactionid' and not granted");
          return waiting.length === 1;
        }),
      [Symbol.asyncDispose]: close,
    };
  }

  async function databaseIn(locale: string): Promise<string> {
    await run(
      server.url("postgres"),
      `create database "${locale}" template template0 locale_provider icu icu_locale '${locale}'`,
    );
    const url = server.url(locale);
    await migrate({ url });
    return url;
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

  test("of two that differ at once the second is told, and can read the rows of the first", async () => {
    await using w = await world();
    await w.told(["acme", 1]);
    await using first = await w.openTransaction();
    await first.write(["acme", 2]);
    const second = w.write(["acme", 1]);
    await w.someoneWaits();
    await first.commit();
    expect(namesOf(await second)).toEqual(["acme"]);
    expect(await run(w.url, "select generation::int from quota_rows order by 1")).toEqual([
      { generation: 1 },
      { generation: 2 },
    ]);
  });

  test("of two alike at once both are told what the first made owed", async () => {
    await using w = await world();
    await w.told(["acme", 1]);
    await using first = await w.openTransaction();
    const debts = await first.write(["acme", 2]);
    const second = w.write(["acme", 2]);
    await w.someoneWaits();
    await first.commit();
    expect(await second).toEqual(debts);
    await w.pay(debts);
    expect(await w.write(["acme", 2])).toEqual([]);
  });

  test("many that write, pay and leave the same tenants at once never wait in a circle, whatever the collation", async () => {
    await using w = await world("en-US");
    const tenants = Array.from({ length: 60 }, (_, i) => `${i % 2 === 0 ? "a" : "B"}${i}`);
    const rounds = Array.from({ length: 8 }, async (_, writer) => {
      for (let round = 0; round < 12; round += 1) {
        const wrote = tenants.map((tenant): Wrote => [tenant, 2 + ((writer + round) % 2)]);
        const debts = await w.writeAs(`q.${writer}`, ...(writer < 4 ? wrote : wrote.toReversed()));
        await w.pay(debts.toReversed());
        await w.leave(...tenants);
      }
    });
    await Promise.all(rounds);
    expect(namesOf(await w.write(...tenants.map((tenant): Wrote => [tenant, 2])))).toEqual(tenants.toSorted());
  });
});

function namesOf(debts: readonly OwedRestore[]): string[] {
  return debts.map(({ tenant }) => tenant).sort();
}
