// Reads that may be a little old: from a replica while it is fresh enough, else from the primary.
//
// Promise: an answer from the replica lacks nothing that was committed more than `maxLagMs` before it was asked for. A
// replica that is away, frozen, promoted, or of another cluster costs one attempt and is then left alone for a while.
// Freshness is measured at most once a second, and only when somebody reads; what was measured a moment ago ages with it.
// Not here: how old a replica is (read-replica-lag.ts), which reads may be old (reports; never a session or a change).
import { setTimeout as pause } from "node:timers/promises";
import type { Kysely } from "kysely";
import { openPostgres, type Postgres, type PostgresOptions } from "./postgres.ts";
import { primaryState, replicaLagMs } from "./read-replica-lag.ts";

const MEASURE_EVERY_MS = 1_000;
const LEAVE_ALONE_MS = 10_000;
/** A replica that has fallen silent must not hold a read up for longer. */
const READ_TIMEOUT_MS = 5_000;

export type ReplicaOptions = Readonly<{ postgres: PostgresOptions; maxLagMs: number }>;

export type ReadDatabaseOptions<Tables> = Readonly<{
  primary: Postgres<Tables>;
  /** Null = everything is read from the primary. */
  replica: ReplicaOptions | null;
  /** Told of every fault of the replica; the read goes on at the primary. */
  onFault?: (fault: unknown) => void;
}>;

/** `lagMs` = how old the answer may be at most; 0 from the primary. */
export type ReadAnswer<Result> = Readonly<{ result: Result; source: "primary" | "replica"; lagMs: number }>;

export type ReadDatabase<Tables> = Readonly<{
  /** `query` only reads: it may be asked a second time, at the primary. */
  read: <Result>(query: (sql: Kysely<Tables>) => Promise<Result>) => Promise<ReadAnswer<Result>>;
  close: () => Promise<void>;
}>;

type Measured = Readonly<{ lagMs: number; atMs: number }>;

export function openReadDatabase<Tables>(options: ReadDatabaseOptions<Tables>): ReadDatabase<Tables> {
  const { primary, replica, onFault = () => undefined } = options;
  if (replica === null) return { read: (query) => fromPrimary(primary, query), close: async () => undefined };
  let opened: Postgres<Tables> | null = null;
  let measured: Measured | null = null;
  let measuring: Promise<void> | null = null;
  let leftAloneUntilMs = Number.NEGATIVE_INFINITY;
  let isClosed = false;

  /** Its connections may be stuck, so they are left behind: they end when what holds them does. */
  const leaveAlone = (fault: unknown) => {
    onFault(fault);
    void opened?.close().catch(onFault);
    opened = null;
    measured = null;
    leftAloneUntilMs = performance.now() + LEAVE_ALONE_MS;
  };
  const measure = async () => {
    const atMs = performance.now();
    // A primary that is away is not the replica's fault: then nobody knows how old anything is, and the read fails.
    const state = await primaryState(primary.pool);
    opened ??= openPostgres<Tables>(replica.postgres);
    await replicaLagMs(opened.pool, state).then((lagMs) => {
      measured = { lagMs, atMs };
    }, leaveAlone);
  };
  const lagNow = async (): Promise<number> => {
    if (isClosed || performance.now() < leftAloneUntilMs) return Number.POSITIVE_INFINITY;
    if (measured === null || performance.now() - measured.atMs >= MEASURE_EVERY_MS) {
      measuring ??= measure().finally(() => {
        measuring = null;
      });
      await measuring;
    }
    return measured === null ? Number.POSITIVE_INFINITY : measured.lagMs + performance.now() - measured.atMs;
  };
  return {
    read: async (query) => {
      const lagMs = Math.ceil(await lagNow());
      const from = opened;
      if (from === null || lagMs > replica.maxLagMs) return await fromPrimary(primary, query);
      let fault: unknown;
      try {
        return { result: await within(READ_TIMEOUT_MS, query(from.sql)), source: "replica", lagMs };
      } catch (cause) {
        fault = cause;
      }
      // Whether the query or the replica is to blame, the primary tells: a faulty query fails there, too.
      const answer = await fromPrimary(primary, query);
      if (opened === from) leaveAlone(fault);
      return answer;
    },
    close: async () => {
      isClosed = true;
      await measuring?.catch(onFault);
      await opened?.close();
    },
  };
}

async function fromPrimary<Tables, Result>(
  primary: Postgres<Tables>,
  query: (sql: Kysely<Tables>) => Promise<Result>,
): Promise<ReadAnswer<Result>> {
  return { result: await query(primary.sql), source: "primary", lagMs: 0 };
}

async function within<Result>(limitMs: number, answer: Promise<Result>): Promise<Result> {
  const done = new AbortController();
  const late = pause(limitMs, undefined, { ref: false, signal: done.signal }).then(() => {
    throw new Error(`The replica gave no answer within ${limitMs} ms.`);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    done.abort();
    late.catch(() => undefined);
  }
}
