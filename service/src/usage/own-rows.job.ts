// A process that was silent may have been taken for dead, and others have written down what the store had of its usage: takes
// that were refused and not given back yet, too. Once it is heard of again it looks, and retracts what it did not acknowledge.
//
// Promise: it looks after every harvest that may have written anything, and until it could. Nothing is written of it while
// it is heard of (write-totals.pg.ts), so what it finds stays.
// Known gap: of rows that it has dropped it cannot tell: of a full book, of a day before the two latest.
import type { RebuildablePool } from "../platform/pool.ts";
import { readOwnRows } from "./own-rows.pg.ts";
import type { UsageTotals } from "./usage-totals.ts";
import type { Claimed } from "./usage-writers.pg.ts";

/** Read with one statement: a few pages of an index for each. */
const TENANTS_AT_ONCE = 100;

export type OwnRows = Readonly<{
  /** After a beat. True when it looked: there may be something to be written down. */
  lookAfter: (claims: readonly Claimed[], since: number, timeoutMs: () => number) => Promise<boolean>;
}>;

export function createOwnRows(pool: RebuildablePool, usage: UsageTotals): OwnRows {
  /** The latest harvest of each that was looked after. */
  const known = new Map<string, string | null>();
  return {
    lookAfter: async (claims, since, timeoutMs) => {
      const others = claims.filter(({ incarnation, until }) => until !== (known.get(incarnation) ?? null));
      const [incarnation] = usage.incarnations;
      const isHarvested = others.some((claimed) => claimed.incarnation === incarnation);
      if (isHarvested) {
        const tenants = [...usage.tenants()];
        for (let at = 0; at < tenants.length; at += TENANTS_AT_ONCE) {
          const some = tenants.slice(at, at + TENANTS_AT_ONCE);
          usage.retractBeyond(await readOwnRows(pool, { incarnation, tenants: some, since }, timeoutMs()));
        }
      }
      for (const { incarnation, until } of others) known.set(incarnation, until);
      return isHarvested;
    },
  };
}
