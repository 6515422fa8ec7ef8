// Restores one counter of a tenant before it is corrected by hand, so that what is corrected is what was really used.
// To be called inside the correction's transaction, under its lock. Rows that are not written down yet come later: they
// raise the corrected counter by what they hold.
// Known gap: where the store has lost a tenant and nobody has taken from it since, there is nothing to restore into.
import type { Counters, UnavailableCause } from "../counters/counters.ts";
import type { Periods } from "../limits/quota-period.ts";
import { openPeriods } from "./open-periods.ts";
import { type CounterName, raiseOrders } from "./quota-sum.ts";
import { type AskRows, readQuotaSums } from "./quota-sums.pg.ts";

export type RestoredCounter = CounterName & Readonly<{ tenant: string; periods: Periods }>;

/** Null when it is done; else why the counters could not be asked. */
export async function restoreCounter(
  counters: Pick<Counters, "raise" | "nowMs">,
  ask: AskRows,
  counter: RestoredCounter,
): Promise<UnavailableCause | null> {
  const { tenant, periods } = counter;
  // Generation 0 asks for the present one.
  const found = await counters.raise({ tenant, periods, generation: 0, counters: [] });
  if (found.kind === "unavailable") return found.cause;
  if (found.kind === "raised" || found.generation === 0) return null;
  const { generation } = found;
  const asked = openPeriods(periods, counters.nowMs()).map((period) => ({ ...period, tenant, generation }));
  const { sums } = await readQuotaSums(ask, asked, null, counter);
  for (const order of raiseOrders(sums, () => periods)) {
    const raised = await counters.raise(order);
    if (raised.kind === "unavailable") return raised.cause;
  }
  return null;
}
