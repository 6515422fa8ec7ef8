// Brings quotas back that the store lost: counters are raised to what PostgreSQL knows was used. Whoever has reason to
// think that a tenant's counters know too little owes it a restore.
//
// Promise: any number of instances may restore the same tenant at once and again, whatever else goes on: a raise only
// grows (counters/raise.ts), and a lock keeps adjustments apart. What failed stays owed until it was done; owed are names
// of tenants, so never more than there are. Whose counters did not answer goes behind those that wait.
// Not here: when a tenant is owed a restore (usage-snapshot.job.ts), how some of them are restored (restore-batch.pg.ts).
import type { Counters } from "../counters/counters.ts";
import { createCalendar } from "../limits/calendar.ts";
import type { RestoreTally } from "../platform/metrics-usage.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import { type RestoredTenant, type RestoreOutcome, restoreBatch } from "./restore-batch.pg.ts";

/** Of one query. */
const BATCH_TENANTS = 100;
/** Tenants whose counters do not answer: then the store is away, and the next run may find it. */
const MAX_UNANSWERED = 32;
/** Of one run: a tenant that is found in another generation is restored in that one at once. */
const MAX_ROUNDS = 3;

export type RestoreParts = Readonly<{
  pool: RebuildablePool;
  counters: Pick<Counters, "raise" | "nowMs">;
  /** Null = there is no such tenant (any more). */
  timeZoneOf: (tenant: string) => string | null;
  /** As this process last saw it; 0 = it never did. */
  generationOf: (tenant: string) => number;
  /** Told when restoring begins to fail; it is tried again with every run. */
  onFault: (fault: unknown) => void;
}>;

export type Restore = Readonly<{
  owe: (tenant: string) => void;
  /** Works off what is owed now; resolves when that has ended, well or not. To be called after own rows were written. */
  run: () => Promise<void>;
  owed: () => number;
  owedTenants: () => Iterable<string>;
  tally: () => RestoreTally;
  close: () => Promise<void>;
}>;

export function createRestore(parts: RestoreParts): Restore {
  const { pool, counters, onFault } = parts;
  /** With the generation it was found in; 0 = not known here. */
  const owed = new Map<string, number>();
  const calendar = createCalendar();
  const closing = new AbortController();
  const done = { restored: 0, raised: 0, failed: 0 };
  let running: Promise<void> | null = null;
  let isFailing = false;

  const owe = (tenant: string, generation = 0) => void owed.set(tenant, generation);
  const fail = (tenant: string) => {
    done.failed += 1;
    if (!owed.has(tenant)) owe(tenant);
  };
  /** Takes up to a batch of what is owed; whoever is owed again meanwhile is owed again afterwards. */
  const takeBatch = (from: Set<string>): Map<string, number> => {
    const batch = new Map([...from].slice(0, BATCH_TENANTS).map((tenant) => [tenant, owed.get(tenant) ?? 0]));
    for (const tenant of batch.keys()) {
      from.delete(tenant);
      owed.delete(tenant);
    }
    return batch;
  };
  const restoreSome = async (batch: ReadonlyMap<string, number>): Promise<RestoreOutcome> => {
    const nowMs = counters.nowMs();
    const tenants: RestoredTenant[] = [];
    for (const [tenant, found] of batch) {
      const timeZone = parts.timeZoneOf(tenant);
      if (timeZone === null) continue;
      const generation = found || parts.generationOf(tenant);
      tenants.push({ tenant, generation, periods: calendar.periods(timeZone, nowMs) });
    }
    return await restoreBatch({ pool, counters, nowMs, signal: closing.signal }, tenants);
  };
  const settle = (batch: ReadonlyMap<string, number>, { raised, unanswered, elsewhere }: RestoreOutcome) => {
    done.raised += raised;
    for (const tenant of batch.keys()) {
      const generation = elsewhere.get(tenant) ?? 0;
      if (unanswered.has(tenant)) fail(tenant);
      // What the store knows nothing of begins with its first take, in a generation of which this process is told then.
      else if (generation === 0) done.restored += 1;
      else if (!owed.has(tenant)) owe(tenant, generation);
    }
  };
  const workOff = async () => {
    let unanswered = 0;
    for (let round = 0; round < MAX_ROUNDS && owed.size > 0; round += 1) {
      const left = new Set(owed.keys());
      while (left.size > 0 && unanswered < MAX_UNANSWERED && !closing.signal.aborted) {
        const batch = takeBatch(left);
        try {
          const outcome = await restoreSome(batch);
          settle(batch, outcome);
          unanswered += outcome.unanswered.size;
        } catch (fault) {
          for (const tenant of batch.keys()) fail(tenant);
          throw fault;
        }
      }
    }
  };
  const attempt = async () => {
    try {
      await workOff();
      isFailing = false;
    } catch (fault) {
      if (!isFailing) onFault(fault);
      isFailing = true;
    }
  };
  return {
    owe: (tenant) => owe(tenant),
    run: () => {
      running ??= attempt().finally(() => {
        running = null;
      });
      return running;
    },
    owed: () => owed.size,
    owedTenants: () => owed.keys(),
    tally: () => ({ owed: owed.size, ...done }),
    close: async () => {
      closing.abort();
      await running;
    },
  };
}
