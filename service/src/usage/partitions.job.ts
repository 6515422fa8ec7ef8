// Keeps the months of usage and limit hits: opens the present ones and the next, drops those beyond retention.
// Promise: any number of instances may run it; what fails is tried again soon. Not here: which months (partitions.ts).
import type { RebuildablePool } from "../platform/pool.ts";
import { dropMonths, openMonths } from "./partitions.pg.ts";
import { MONTHLY_TABLES, monthsToOpen, oldestMonth, type Retention } from "./partitions.ts";

/** A month is opened weeks before it begins, so any hour will do. */
const LOOK_EVERY_MS = 3_600_000;
const RETRY_MS = 1_000;

export type PartitionKeeperParts = Readonly<{
  pool: RebuildablePool;
  retention: Retention;
  nowMs?: () => number;
  /** The first look waits for it: before there is a schema every look would fail. */
  after: Promise<void>;
  onDropped: (partitions: readonly string[]) => void;
  /** Told when looking begins to fail; the next attempt follows by itself. */
  onFault: (fault: unknown) => void;
}>;

export type PartitionKeeper = Readonly<{ close: () => Promise<void> }>;

export function keepPartitions(parts: PartitionKeeperParts): PartitionKeeper {
  const { pool, retention, nowMs = Date.now, after, onDropped, onFault } = parts;
  const closing = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let isFailing = false;

  const look = async () => {
    for (const table of MONTHLY_TABLES) {
      if (isClosed) return;
      await openMonths(pool, table, monthsToOpen(nowMs()));
      const dropped = await dropMonths(pool, table, oldestMonth(table, nowMs(), retention));
      if (dropped.length > 0) onDropped(dropped);
    }
  };
  const keep = async () => {
    try {
      await look();
      isFailing = false;
    } catch (fault) {
      if (!isFailing) onFault(fault);
      isFailing = true;
    }
    if (!isClosed) timer = setTimeout(run, isFailing ? RETRY_MS : LOOK_EVERY_MS);
  };
  let running = Promise.race([after, closing.promise]).then(keep);
  const run = () => {
    running = keep();
  };
  return {
    close: async () => {
      isClosed = true;
      closing.resolve();
      clearTimeout(timer);
      await running;
    },
  };
}
