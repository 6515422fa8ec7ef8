// Restores some tenants: reads what their quotas used, a page at a time, and raises the counters to it.
// Each page is read and raised in one transaction, which keeps adjustments of its tenants away and does not last long.
// Throws when PostgreSQL fails: then nothing is known of any of them.
// Not here: which tenants, and trying again (restore.job.ts).
import { setTimeout as pause } from "node:timers/promises";
import type { Counters } from "../counters/counters.ts";
import type { RaiseOrder } from "../counters/raise.ts";
import type { Periods } from "../limits/quota-period.ts";
import type { RebuildablePool } from "../platform/pool.ts";
import { bounded } from "../platform/postgres.ts";
import { lockForRestoring } from "./adjustment-lock.pg.ts";
import { openPeriods } from "./open-periods.ts";
import { type AskedPeriod, inTurns, type QuotaSum, raiseOrders } from "./quota-sum.ts";
import { type AskRows, type PageEnd, prepareToRead, readQuotaSums } from "./quota-sums.pg.ts";

/** Of each statement: what is not done by then is done again later. An adjustment is waited for as long. */
export const RESTORE_TIMEOUT_MS = 5_000;
/** Raises without an answer, of one page: then what was not sent yet is left for later. */
const MAX_UNANSWERED = 8;
/** Checks come first: after a page it rests for as long as the page took, within these bounds. */
const MIN_REST_MS = 10;
const MAX_REST_MS = 100;

export type RestoredTenant = Readonly<{ tenant: string; generation: number; periods: Periods }>;

export type RestoreOutcome = {
  /** Counters that were below. */
  raised: number;
  /** Tenants whose counters did not answer, or were not asked because others did not. */
  readonly unanswered: Set<string>;
  /** Tenants that turned out to be in another generation; 0 = the store knows nothing of them. */
  readonly elsewhere: Map<string, number>;
};

export type RestoreBatchParts = Readonly<{
  pool: RebuildablePool;
  counters: Pick<Counters, "raise">;
  /** UTC ms, of the counters' clock. */
  nowMs: number;
  /** Aborted, it stops after the raises under way; whoever was not come to is unanswered. */
  signal: AbortSignal;
}>;

export async function restoreBatch(
  parts: RestoreBatchParts,
  tenants: readonly RestoredTenant[],
): Promise<RestoreOutcome> {
  const outcome: RestoreOutcome = { raised: 0, unanswered: new Set(), elsewhere: new Map() };
  const periods = new Map(tenants.map((one) => [one.tenant, one.periods]));
  const asked = tenants.flatMap(({ tenant, generation, periods: around }) => {
    return openPeriods(around, parts.nowMs).map((period): AskedPeriod => ({ ...period, tenant, generation }));
  });
  let end: PageEnd | null = null;
  do {
    const left: readonly AskedPeriod[] = asked.slice(end?.index ?? 0);
    if (parts.signal.aborted) {
      for (const { tenant } of left) outcome.unanswered.add(tenant);
      break;
    }
    const from = end;
    const startMs = performance.now();
    end = await inTransaction(parts.pool, async (ask) => {
      await lockForRestoring(ask, [...new Set(left.map(({ tenant }) => tenant))]);
      const page = await readQuotaSums(ask, asked, from);
      await raiseAll(
        parts,
        outcome,
        raiseOrders(page.sums.filter(isWorthwhile), (tenant) => of(periods, tenant)),
      );
      return page.end;
    });
    await pause(Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, performance.now() - startMs)));
  } while (end !== null);
  return outcome;
}

async function raiseAll(
  { counters, signal }: RestoreBatchParts,
  outcome: RestoreOutcome,
  orders: readonly RaiseOrder[],
): Promise<void> {
  let unanswered = 0;
  for (const some of inTurns(orders)) {
    await Promise.all(
      some.map(async (order) => {
        const { tenant } = order;
        if (outcome.unanswered.has(tenant) || outcome.elsewhere.has(tenant)) return;
        if (unanswered >= MAX_UNANSWERED || signal.aborted) return void outcome.unanswered.add(tenant);
        const raised = await counters.raise(order);
        if (raised.kind === "raised") outcome.raised += raised.raised;
        else if (raised.kind === "other_generation") outcome.elsewhere.set(tenant, raised.generation);
        else {
          unanswered += 1;
          outcome.unanswered.add(tenant);
        }
      }),
    );
  }
}

function isWorthwhile({ atLeast, usedAtLeast }: QuotaSum): boolean {
  return atLeast > 0 || usedAtLeast > 0;
}

async function inTransaction<Result>(pool: RebuildablePool, work: (ask: AskRows) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  const ask = async (text: string, values: unknown[] = []) =>
    (await client.query(bounded(RESTORE_TIMEOUT_MS, text, values))).rows;
  try {
    await ask("begin");
    await ask("select set_config('lock_timeout', $1, true)", [String(RESTORE_TIMEOUT_MS)]);
    await prepareToRead(ask);
    const result = await work(ask);
    await ask("commit");
    client.release();
    return result;
  } catch (fault) {
    client.release(true);
    throw fault;
  }
}

function of(periods: ReadonlyMap<string, Periods>, tenant: string): Periods {
  const found = periods.get(tenant);
  if (found === undefined) throw new Error(`The sums of tenant ${tenant} were not asked for.`);
  return found;
}
