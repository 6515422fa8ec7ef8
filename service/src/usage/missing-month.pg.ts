// Opens months that a write finds missing, and writes again. Months are opened in time (partitions.job.ts); what is of
// another one, because it is very late or a clock is far ahead, must be taken all the same.
import type { RebuildablePool } from "../platform/pool.ts";
import { openMonths } from "./partitions.pg.ts";
import type { MonthlyTable } from "./partitions.ts";
import { monthOf } from "./usage-period.ts";

/** `write` is tried twice at most: it must change nothing when it fails. */
export async function openingMonths<Result>(
  pool: RebuildablePool,
  tables: readonly MonthlyTable[],
  dayLabels: readonly number[],
  write: () => Promise<Result>,
): Promise<Result> {
  try {
    return await write();
  } catch (fault) {
    if (!isMonthMissing(fault)) throw fault;
    const months = [...new Set(dayLabels.map((label) => monthOf("day", label)))];
    for (const table of tables) await openMonths(pool, table, months);
    return await write();
  }
}

/** PostgreSQL says so in these words: "no partition of relation found for row". */
function isMonthMissing(fault: unknown): boolean {
  return fault instanceof Error && "code" in fault && fault.code === "23514" && fault.message.includes("no partition");
}
