// Usage that was lost: what the journal says was admitted against what the rows of PostgreSQL say was recorded. Pure.
//
// Acknowledged <= recorded <= acknowledged + what was left without an answer. What the Fallback admitted is acknowledged,
// too: its callers were let through. Not here: reading the rows, or waiting until they are complete.
import type { Entry } from "../journal/entry.ts";

/** A tenant's sum over all its rows, of users, APIs and days. */
export type RecordedUsage = ReadonlyMap<string, number>;

export type UsageBalance = Readonly<{
  /** Cost that was admitted and is in no row. */
  lost: number;
  /** Cost in the rows that nobody asked for: more than was admitted and left without an answer. */
  surplus: number;
}>;

export function balanceUsage(entries: readonly Entry[], recorded: RecordedUsage): UsageBalance {
  let lost = 0;
  let surplus = 0;
  for (const [tenant, ofTenant] of Map.groupBy(entries, (entry) => entry.tenant)) {
    const costOf = (some: readonly Entry[]) => some.reduce((sum, { cost }) => sum + cost, 0);
    const acknowledged = costOf(ofTenant.filter(({ allowed }) => allowed));
    const unknown = costOf(ofTenant.filter(({ reason, status }) => reason === null && (status < 400 || status >= 500)));
    const held = recorded.get(tenant) ?? 0;
    lost += Math.max(0, acknowledged - held);
    surplus += Math.max(0, held - acknowledged - unknown);
  }
  return { lost, surplus };
}
