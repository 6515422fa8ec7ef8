// Writes what the buffer of limit hits holds to PostgreSQL, every few seconds and once more at the end.
//
// Promise: nobody waits for it; a hit is added once, however often its chunk has to be sent. While PostgreSQL is away one
// chunk waits here and everything else goes on folding in the buffer. A chunk that PostgreSQL will never take is given up
// and counted, so that it does not hold up all others. A killed process loses what it noted since its last write.
// Not here: opening months in time (usage/partitions.job.ts); one that is missing is opened on the way.
import { randomBytes } from "node:crypto";
import type { RebuildablePool } from "../platform/pool.ts";
import { openMonths } from "../usage/partitions.pg.ts";
import { monthOf } from "../usage/usage-period.ts";
import type { LimitHitLine } from "./limit-hit.ts";
import type { LimitHitBuffer } from "./limit-hit-buffer.ts";
import { addLimitHits, forgetWriters, type LimitHitChunk } from "./limit-hit-write.pg.ts";

const WRITE_EVERY_MS = 5_000;
const WRITE_TIMEOUT_MS = 2_000;
/** What is left at the end may take this long in all, and then is lost: the process has other things to end well. */
const LAST_WRITE_MS = 1_000;
/** Serialised in well under a millisecond. */
const LINES_PER_CHUNK = 200;

export type LimitHitWriterParts = Readonly<{
  pool: RebuildablePool;
  buffer: LimitHitBuffer;
  everyMs?: number;
  /** Told when writing begins to fail (the next attempt follows by itself), and of every loss: that many hits. */
  onFault: (fault: unknown, lost: number) => void;
}>;

export type LimitHitWriter = Readonly<{ close: () => Promise<void> }>;

export function startLimitHitWriter(parts: LimitHitWriterParts): LimitHitWriter {
  const { pool, buffer, everyMs = WRITE_EVERY_MS, onFault } = parts;
  const writer = randomBytes(9).toString("base64url");
  let sequence = 0;
  let pending: LimitHitChunk | null = null;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let isFailing = false;

  const nextChunk = (): LimitHitChunk | null => {
    const lines = buffer.drain(LINES_PER_CHUNK);
    if (lines.length === 0) return null;
    sequence += 1;
    return { writer, sequence, lines };
  };
  const writeAll = async (timeoutMs: () => number) => {
    buffer.forget(Date.now());
    for (pending ??= nextChunk(); pending !== null && timeoutMs() > 0; pending = nextChunk()) {
      try {
        await addLimitHits(pool, pending, timeoutMs());
      } catch (fault) {
        if (!isRefusedForGood(fault)) throw fault;
        const hits = hitsOf(pending.lines);
        buffer.lose(hits);
        onFault(fault, hits);
      }
    }
  };
  const write = async () => {
    try {
      await writeAll(() => (isClosed ? 0 : WRITE_TIMEOUT_MS));
      isFailing = false;
    } catch (fault) {
      if (!isFailing) onFault(fault, 0);
      isFailing = true;
      if (isMonthMissing(fault) && pending !== null) await openMonthsOf(pool, pending.lines).catch(() => undefined);
    }
    if (!isClosed) timer = setTimeout(run, everyMs);
  };
  let running = forgetWriters(pool, WRITE_TIMEOUT_MS)
    .catch(() => undefined)
    .then(write);
  const run = () => {
    running = write();
  };
  return {
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      const endMs = performance.now() + LAST_WRITE_MS;
      await running;
      await writeAll(() => endMs - performance.now()).catch((fault) => onFault(fault, 0));
      const lost = hitsOf([...(pending?.lines ?? []), ...buffer.drain(Number.POSITIVE_INFINITY)]);
      if (lost > 0) onFault(new Error("The process ended before its last limit hits could be written."), lost);
    },
  };
}

async function openMonthsOf(pool: RebuildablePool, lines: readonly LimitHitLine[]): Promise<void> {
  const months = new Set(lines.map(({ dayLabel }) => monthOf("day", dayLabel)));
  for (const table of ["limit_hits", "denied_rows", "tenant_days"] as const) await openMonths(pool, table, [...months]);
}

function hitsOf(lines: readonly LimitHitLine[]): number {
  return lines.reduce((hits, line) => hits + line.hits, 0);
}

/** PostgreSQL says so in these words: "no partition of relation found for row". */
function isMonthMissing(fault: unknown): boolean {
  return codeOf(fault) === "23514" && fault instanceof Error && fault.message.includes("no partition");
}

/** Faults of the data itself: classes 22 (data exception) and 23 (integrity constraint violation). */
function isRefusedForGood(fault: unknown): boolean {
  return /^2[23]/.test(codeOf(fault)) && !isMonthMissing(fault);
}

function codeOf(fault: unknown): string {
  return typeof fault === "object" && fault !== null && "code" in fault ? String(fault.code) : "";
}
