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
import { markRestored, type OwedRestore } from "./quota-generations.pg.ts";
import { RESTORE_TIMEOUT_MS, type RestoreOutcome, restoreBatch } from "./restore-batch.pg.ts";

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
  /** `debt` is what the database calls it (quota-generations.pg.ts), where it knows of it. */
  owe: (tenant: string, debt?: string) => void;
  /** Works off what is owed now; resolves when that has ended, well or not. To be called after own rows were written. */
  run: () => Promise<void>;
  owed: () => number;
  owedTenants: () => Iterable<string>;
  tally: () => RestoreTally;
  close: () => Promise<void>;
}>;

type Owed = Readonly<{
  /** It was found in; 0 = not known here. */
  generation: number;
  debt: string | null;
}>;
type Batch = ReadonlyMap<string, Owed & Readonly<{ timeZone: string }>>;
const UNKNOWN: Owed = { generation: 0, debt: null };

export function createRestore(parts: RestoreParts): Restore {
  const { pool, counters, onFault } = parts;
  const owed = new Map<string, Owed>();
  const calendar = createCalendar();
  const closing = new AbortController();
  const done = { restored: 0, raised: 0, failed: 0 };
  let running: Promise<void> | null = null;
  let isFailing = false;

  const owe = (tenant: string, debt: string | null = null) =>
    void owed.set(tenant, { generation: 0, debt: debt ?? owed.get(tenant)?.debt ?? null });
  const oweStill = (tenant: string, { debt }: Owed, generation = 0) => {
    const since = owed.get(tenant);
    owed.set(tenant, { generation: since === undefined ? generation : since.generation, debt: since?.debt ?? debt });
  };
  /** Takes up to a batch of what is owed; whoever is owed again meanwhile is owed again afterwards. */
  const takeBatch = (from: Set<string>): Batch => {
    const batch = new Map<string, Owed & { timeZone: string }>();
    for (const tenant of [...from].slice(0, BATCH_TENANTS)) {
      const timeZone = parts.timeZoneOf(tenant);
      // Another process may know the tenant, so what is owed in the database stays owed there.
      if (timeZone !== null) batch.set(tenant, { ...(owed.get(tenant) ?? UNKNOWN), timeZone });
      from.delete(tenant);
      owed.delete(tenant);
    }
    return batch;
  };
  const restoreSome = async (batch: Batch): Promise<RestoreOutcome> => {
    const nowMs = counters.nowMs();
    const tenants = [...batch].map(([tenant, { generation, timeZone }]) => {
      const known = generation || parts.generationOf(tenant);
      return { tenant, generation: known, periods: calendar.periods(timeZone, nowMs) };
    });
    const outcome = await restoreBatch({ pool, counters, nowMs, signal: closing.signal }, tenants);
    await markRestored(pool, debtsPaid(batch, outcome), RESTORE_TIMEOUT_MS);
    return outcome;
  };
  const settle = (batch: Batch, outcome: RestoreOutcome) => {
    done.raised += outcome.raised;
    for (const [tenant, was] of batch) {
      if (isRestored(outcome, tenant)) done.restored += 1;
      else if (outcome.unanswered.has(tenant)) fail(tenant, was);
      else oweStill(tenant, was, outcome.elsewhere.get(tenant));
    }
  };
  const fail = (tenant: string, was: Owed) => {
    done.failed += 1;
    oweStill(tenant, was);
  };
  const workOff = async () => {
    let unanswered = 0;
    for (let round = 0; round < MAX_ROUNDS && owed.size > 0; round += 1) {
      const left = new Set(owed.keys());
      while (left.size > 0 && unanswered < MAX_UNANSWERED && !closing.signal.aborted) {
        const batch = takeBatch(left);
        const outcome = await restoreSome(batch).catch((fault) => {
          for (const [tenant, was] of batch) fail(tenant, was);
          throw fault;
        });
        settle(batch, outcome);
        unanswered += outcome.unanswered.size;
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
    owe,
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

/** Also what the store knows nothing of: it begins with its first take, in a generation of which this process is told then. */
function isRestored({ unanswered, elsewhere }: RestoreOutcome, tenant: string): boolean {
  return !unanswered.has(tenant) && (elsewhere.get(tenant) ?? 0) === 0;
}

function debtsPaid(batch: Batch, outcome: RestoreOutcome): OwedRestore[] {
  const restored = [...batch].filter(([tenant]) => isRestored(outcome, tenant));
  return restored.flatMap(([tenant, { debt }]) => (debt === null ? [] : [{ tenant, debt }]));
}
