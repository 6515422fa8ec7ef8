// The UsageSnapshot: every interval, what this process acknowledged and what its Fallback admitted goes to PostgreSQL, and
// whoever lost counters gets them back from there.
//
// Only what changed is written, in chunks, each process its own: the work grows with the traffic, not with the tenants.
// Promise: nobody waits for it. Sums are absolute and the greater wins, so a chunk that failed, or of which it is not known
// whether it was written, is simply written again. While PostgreSQL is away everything waits in bounded memory.
// A database that was set back (another history: a failover, a restore of a backup) gets everything once more; so a process
// that ends asks for its history once more, too, and is closed in the one that has everything.
// A process that was taken for dead looks after what others wrote of it (own-rows.job.ts).
// Not here: what is written (total-rows.ts, write-totals.pg.ts), the dead (harvest.job.ts), raising (restore.job.ts).
import type { Ledger } from "../fallback/ledger.ts";
import type { UsageTally } from "../platform/metrics-usage.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import type { Acknowledged } from "./acknowledged.ts";
import type { Harvest } from "./harvest.job.ts";
import { createOwnRows } from "./own-rows.job.ts";
import { leaveOwed } from "./quota-generations.pg.ts";
import type { Restore } from "./restore.job.ts";
import type { ChangedTotals, QuotaTotal, UsageTotal } from "./total-rows.ts";
import { beat, closeWriters } from "./usage-writers.pg.ts";
import { writeQuotaTotals, writeUsageTotals } from "./write-totals.pg.ts";

const WRITE_TIMEOUT_MS = 5_000;
/** Made into a statement in less than a millisecond. */
const ROWS_AT_ONCE = 100;
/**
 * What is left at the end may take this long in all, once what was under way has ended in its own time. A tail that stays
 * behind is in the store, for others to harvest.
 */
const LAST_WRITE_MS = 3_000;
/** Histories of the database that a process may meet at its end. Who cannot close is harvested by others. */
const CLOSING_ATTEMPTS = 3;
const OPEN_DAYS_MS = 2 * 86_400_000;
/** A tenant's counters were lost: its quotas are not left wrong for a whole interval. Many tenants make one wave. */
const SOON_MS = 100;

export type UsageSnapshotParts = Readonly<{
  pool: RebuildablePool;
  everyMs: number;
  /** The first one waits for it: before there is a schema every one would fail. */
  after: Promise<void>;
  acknowledged: Acknowledged;
  ledger: Ledger;
  harvest: Harvest;
  restore: Restore;
  /** Names the history of the database as known lately, `<system> <timeline>`; null while it is not known. */
  history: () => string | null;
  /** Told when writing begins to fail; the next attempt follows by itself. */
  onFault: (fault: unknown) => void;
}>;

export type UsageSnapshot = Readonly<{
  /** One more now, beside those of the interval; resolves when it has ended, well or not. */
  run: () => Promise<void>;
  /** A tenant's quotas are to be compared soon: its counters may know too little. */
  owe: (tenant: string) => void;
  tally: () => UsageTally;
  close: () => Promise<void>;
}>;

export function startUsageSnapshot(parts: UsageSnapshotParts): UsageSnapshot {
  const { pool, everyMs, acknowledged, ledger, harvest, restore, onFault } = parts;
  const { usage, quotas } = acknowledged;
  const books: readonly ChangedTotals<unknown>[] = [usage, quotas, ledger.usage, ledger.quotas];
  const incarnations = new Set<string>();
  const ownRows = createOwnRows(pool, usage);
  let tally = { written: 0, late: 0, finishedAtMs: null as number | null };
  let history: string | null = null;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let isFailing = false;
  let isClosed = false;

  const writeUsage = async (totals: readonly UsageTotal[], timeoutMs: number) => {
    const { late } = await writeUsageTotals(pool, totals, timeoutMs);
    tally = { ...tally, written: tally.written + totals.length - late, late: tally.late + late };
  };
  const writeQuotas = async (totals: readonly QuotaTotal[], timeoutMs: number) => {
    for (const { tenant, debt } of await writeQuotaTotals(pool, totals, timeoutMs)) restore.owe(tenant, debt);
    tally = { ...tally, written: tally.written + totals.length };
  };
  const writeAll = async (timeoutMs: () => number) => {
    // The next one is registered before it can leave anything in the store.
    for (const incarnation of usage.incarnations) incarnations.add(incarnation);
    const writing = [...incarnations];
    await writeChanged(quotas, writeQuotas, timeoutMs);
    await writeChanged(ledger.quotas, writeQuotas, timeoutMs);
    await writeChanged(usage, writeUsage, timeoutMs);
    await writeChanged(ledger.usage, writeUsage, timeoutMs);
    const claims = await beat(pool, writing, timeoutMs());
    if (await ownRows.lookAfter(claims, firstOpenDay(), timeoutMs)) await writeChanged(usage, writeUsage, timeoutMs);
    tally = { ...tally, finishedAtMs: Date.now() };
  };
  const noticeHistory = () => {
    const found = parts.history();
    if (found === null || found === history) return;
    if (history !== null) writeOnceMore();
    history = found;
  };
  const writeOnceMore = () => {
    for (const book of books) book.noteSince(firstOpenDay());
    for (const tenant of quotas.tenants()) restore.owe(tenant);
  };
  const writeTheLast = async (timeoutMs: () => number) => {
    for (let attempts = 0; attempts < CLOSING_ATTEMPTS; attempts += 1) {
      await writeAll(timeoutMs);
      await leaveOwed(pool, [...restore.owedTenants()], timeoutMs);
      const found = await closeWriters(pool, [...incarnations], history, timeoutMs());
      if (found === history) return;
      writeOnceMore();
      history = found;
    }
  };
  const attempt = async () => {
    noticeHistory();
    try {
      await writeAll(() => WRITE_TIMEOUT_MS);
      await restore.run();
      // It may take longer than an interval, and a process that does not say that it lives looks dead.
      void harvest.run();
      isFailing = false;
    } catch (fault) {
      if (!isFailing) onFault(fault);
      isFailing = true;
    }
  };
  const run = () => {
    running ??= attempt().finally(() => {
      running = null;
    });
    return running;
  };
  const runIn = (waitMs: number) => {
    clearTimeout(timer);
    if (!isClosed) timer = setTimeout(() => void run().then(() => runIn(everyMs)), waitMs);
  };
  void parts.after.then(async () => {
    await run();
    // From here at another moment in each process, so that they do not all write at once.
    runIn(Math.random() * everyMs);
  });

  return {
    run,
    owe: (tenant) => {
      restore.owe(tenant);
      // A wave that is under way may have passed this tenant by; the next one is near, then.
      if (restore.owed() === 1) runIn(SOON_MS);
    },
    tally: () => ({
      ...tally,
      unwritten: books.reduce((sum, book) => sum + book.unwritten, 0),
      lost: books.reduce((sum, book) => sum + book.lost, 0),
    }),
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await restore.close();
      await running;
      const endMs = performance.now() + LAST_WRITE_MS;
      try {
        await writeTheLast(() => Math.max(1, endMs - performance.now()));
      } catch (fault) {
        onFault(fault);
      }
      await harvest.close();
    },
  };
}

/** Days before are over in every zone. */
function firstOpenDay(): number {
  const at = new Date(Date.now() - OPEN_DAYS_MS);
  return Number(at.toISOString().slice(0, 10).replaceAll("-", ""));
}

/** As many rows as have changed by now; what changes meanwhile is for the next time. */
async function writeChanged<Total>(
  book: ChangedTotals<Total>,
  write: (totals: readonly Total[], timeoutMs: number) => Promise<void>,
  timeoutMs: () => number,
): Promise<void> {
  for (let left = book.unwritten; left > 0; ) {
    const { rows, totals } = book.takeChanged(Math.min(left, ROWS_AT_ONCE));
    try {
      await write(totals, timeoutMs());
    } catch (fault) {
      book.putBack(rows);
      throw fault;
    }
    left -= rows.length;
  }
}
