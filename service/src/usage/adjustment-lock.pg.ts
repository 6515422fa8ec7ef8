// Keeps adjustments of a tenant's counters and restores of them apart: a restore that had read the sums before a grant was
// written down would raise the counters back to them after it.
//
// An adjustment holds the tenant's lock alone, from before it asks the counters until its row is committed. A restore shares it with
// others, from before it reads the sums until the counters have answered. Both hold it in a transaction, which ends it.
import type { AskRows } from "./quota-sums.pg.ts";

/** Of a space of its own: locks of two numbers never meet those of one. */
const ADJUSTMENT_LOCK = 730_833_222;

export async function lockForAdjusting(ask: AskRows, tenant: string): Promise<void> {
  await ask("select pg_advisory_xact_lock($1::integer, hashtext($2))", [ADJUSTMENT_LOCK, tenant]);
}

/** In one order, though nobody who waits here holds what another one waits for. */
export async function lockForRestoring(ask: AskRows, tenants: readonly string[]): Promise<void> {
  await ask(
    `select pg_advisory_xact_lock_shared($1::integer, lock)
    from (select distinct hashtext(tenant) as lock from unnest($2::text[]) as tenant order by 1) locks`,
    [ADJUSTMENT_LOCK, tenants],
  );
}
