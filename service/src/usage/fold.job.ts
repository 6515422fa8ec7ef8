// Folds days once they are closed, one after the other, and forgets writers that ended long ago.
//
// Promise: any number of instances may run it, one of them folds at a time; what fails is tried again soon. A day is folded
// at the second look that finds it closed: after an outage of PostgreSQL every process has registered by then, also one
// that was started during it.
// Not here: what folding is and what it waits for (fold-day.pg.ts).
import type { RebuildablePool } from "../platform/pool.ts";
import { foldDay, readFolds, readOldestDay } from "./fold-day.pg.ts";
import { periodsBefore } from "./usage-period.ts";
import { forgetEndedWriters } from "./usage-writers.pg.ts";

/** Far more than an interval of writing totals, and nothing beside a day. */
const LOOK_EVERY_MS = 600_000;
const RETRY_MS = 60_000;
/** Of one look: the rest is for the next one, so that closing never waits long. */
const MOST_DAYS = 50;
const TIMEOUT_MS = 10_000;

export type FolderParts = Readonly<{
  pool: RebuildablePool;
  everyMs?: number;
  /** The first look waits for it: before there is a schema every look would fail. */
  after: Promise<void>;
  /** Told of each day, in order. */
  onFolded: (day: number) => void;
  /** Told when looking begins to fail; the next attempt follows by itself. */
  onFault: (fault: unknown) => void;
}>;

export type Folder = Readonly<{ close: () => Promise<void> }>;

export function foldClosedDays(parts: FolderParts): Folder {
  const { pool, everyMs = LOOK_EVERY_MS, after, onFolded, onFault } = parts;
  const closing = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  /** What the last look, if it went well, found to be the first day that is not closed. */
  let openAtLastLook: number | null = null;
  let isClosed = false;
  let isFailing = false;

  const fold = async (foldedThrough: number | null, before: number) => {
    let day = foldedThrough === null ? await readOldestDay(pool) : dayAfter(foldedThrough);
    for (let count = 0; day !== null && day < before && count < MOST_DAYS && !isClosed; count += 1) {
      if ((await foldDay(pool, day)) !== "folded") return;
      onFolded(day);
      day = dayAfter(day);
    }
  };
  const look = async () => {
    const { foldedThrough, firstOpenDay } = await readFolds(pool);
    if (openAtLastLook !== null) await fold(foldedThrough, openAtLastLook);
    await forgetEndedWriters(pool, TIMEOUT_MS);
    openAtLastLook = firstOpenDay;
  };
  const attempt = async () => {
    try {
      await look();
      isFailing = false;
    } catch (fault) {
      openAtLastLook = null;
      if (!isFailing) onFault(fault);
      isFailing = true;
    }
    if (!isClosed) timer = setTimeout(run, isFailing ? Math.min(RETRY_MS, everyMs) : everyMs);
  };
  let running = Promise.race([after, closing.promise]).then(() => (isClosed ? undefined : attempt()));
  const run = () => {
    running = attempt();
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

function dayAfter(day: number): number {
  return periodsBefore("day", day, -1);
}
