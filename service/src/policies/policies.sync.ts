// Keeps the policies of this process current: the only writer of the snapshot that checks are answered from.
//
// A notification, a new connection and a timer each lead to the same act: compare with PostgreSQL and read what differs.
// So a lost notification costs one timer, never a change. Acts run one at a time and each sees a later state than the one
// before, so an older snapshot never replaces a newer one. A check never waits for any of this, and a fault leaves the
// last snapshot in force; `confirmedAtMs` tells how old the knowledge is that it is still the latest.
// Not here: what is done with the snapshot while PostgreSQL is away (check/), or keeping it on disk (snapshot-file.ts).
import { setImmediate as pause } from "node:timers/promises";
import type { Postgres } from "../platform/postgres.ts";
import { listen } from "../platform/postgres-listen.ts";
import { type PolicyRead, readPolicies } from "./policy-read.pg.ts";
import { applyChange, compileSnapshot } from "./snapshot-compile.ts";
import type { CompiledSnapshot } from "./snapshot-compiled.ts";

/** A lost notification is promised to be made up for within 5 s: the time to read and compile is left out of it. */
export const DEFAULT_POLL_MS = 4_000;

/** After a fault the next look does not wait for the timer: PostgreSQL may be starting, or being migrated. */
const RETRY_MS = 500;

const CHANNEL = "sluice_policies";

export type PolicySyncOptions = Readonly<{
  postgres: Pick<Postgres<never>, "pool" | "options">;
  /** In force until PostgreSQL answers: from the snapshot file or the policy file. */
  initial?: CompiledSnapshot | null;
  pollMs?: number;
  nowMs?: () => number;
  /** Told of every fault; the next attempt follows by itself. */
  onFault?: (fault: unknown) => void;
}>;

export type PolicySync = Readonly<{
  /** Null only while none was ever loaded. */
  current: () => CompiledSnapshot | null;
  /** When PostgreSQL was last asked and `current` turned out to be, or became, its latest; null = never yet. */
  confirmedAtMs: () => number | null;
  /** Called after `current` has changed; the function it gives ends that. */
  onChange: (listener: (snapshot: CompiledSnapshot) => void) => () => void;
  /** Resolves with the first confirmation; never rejects. */
  ready: Promise<void>;
  close: () => Promise<void>;
}>;

export function startPolicySync(options: PolicySyncOptions): PolicySync {
  const { postgres, pollMs = DEFAULT_POLL_MS, nowMs = Date.now, onFault = () => undefined } = options;
  const ready = Promise.withResolvers<void>();
  const listeners = new Set<(snapshot: CompiledSnapshot) => void>();
  let current = options.initial ?? null;
  let confirmedAtMs: number | null = null;
  let isClosed = false;
  /** What is under way, and whether something happened that it may not have seen. */
  let running: Promise<void> | null = null;
  let isDue = false;
  let retry: NodeJS.Timeout | undefined;
  /** After a change that could not be applied, everything is read. */
  let mustReadAll = false;

  const refresh = async () => {
    const askedAtMs = nowMs();
    const base = mustReadAll ? null : current;
    const read = await readPolicies(postgres.pool, base?.version ?? null);
    mustReadAll = true;
    const next = await snapshotAfter(base, read);
    mustReadAll = false;
    confirmedAtMs = askedAtMs;
    ready.resolve();
    if (next === current) return;
    current = next;
    for (const listener of listeners) listener(next);
  };
  const refreshWhileDue = async () => {
    while (isDue && !isClosed) {
      isDue = false;
      await refresh().catch((fault) => {
        onFault(fault);
        clearTimeout(retry);
        if (!isClosed) retry = setTimeout(look, Math.min(RETRY_MS, pollMs));
      });
    }
    running = null;
  };
  const look = () => {
    isDue = true;
    running ??= refreshWhileDue();
  };

  const listener = listen(postgres.options, CHANNEL, { connected: look, notified: look, lost: onFault });
  const timer = setInterval(look, pollMs);
  look();
  return {
    current: () => current,
    confirmedAtMs: () => confirmedAtMs,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    ready: ready.promise,
    close: async () => {
      isClosed = true;
      clearInterval(timer);
      clearTimeout(retry);
      await listener.close();
      await running;
    },
  };
}

async function snapshotAfter(base: CompiledSnapshot | null, read: PolicyRead): Promise<CompiledSnapshot> {
  if (read.kind === "all") return await compileSnapshot(read.source, pause);
  if (base === null) throw new Error(`Everything was asked for, and "${read.kind}" was the answer.`);
  return read.kind === "same" ? base : await applyChange(base, read.change, pause);
}
