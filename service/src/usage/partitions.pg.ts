// Opens and drops the monthly partitions of a table, through functions that act with the owner's rights.
// Promise: calling it again, or from many instances at once, changes nothing more; each statement waits for a table in use
// no longer than the functions' lock_timeout, and is tried again by whoever calls next.
// Not here: which months (partitions.ts), when (partitions.job.ts).
import { queryWithin } from "../platform/bounded-query.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import type { MonthlyTable } from "./partitions.ts";

const TIMEOUT_MS = 10_000;
/** Of one call: a hundred years. */
const MOST_MONTHS = 1_200;

/** The months that were not there before. */
export async function openMonths(
  pool: RebuildablePool,
  table: MonthlyTable,
  months: readonly number[],
): Promise<number[]> {
  const opened: number[] = [];
  for (const month of months) {
    const text = "select open_month($1::regclass, $2) as opened";
    const [row] = await queryWithin<{ opened: boolean }>(pool, TIMEOUT_MS, text, [table, month]);
    if (row?.opened) opened.push(month);
  }
  return opened;
}

/** Drops every month before `oldest`; the names of the partitions. */
export async function dropMonths(pool: RebuildablePool, table: MonthlyTable, oldest: number): Promise<string[]> {
  const dropped: string[] = [];
  while (dropped.length < MOST_MONTHS) {
    const text = "select drop_month($1::regclass, $2) as dropped";
    const [row] = await queryWithin<{ dropped: string | null }>(pool, TIMEOUT_MS, text, [table, oldest]);
    if (typeof row?.dropped !== "string") break;
    dropped.push(row.dropped);
  }
  return dropped;
}
