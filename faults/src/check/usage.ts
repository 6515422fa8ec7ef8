// Usage that was lost: what the journal says was admitted against what the rows of PostgreSQL say was recorded. Pure.
//
// Acknowledged <= recorded <= acknowledged + what was left without an answer. What the Fallback admitted is acknowledged,
// too: its callers were let through. Only what the Fallback of an instance admitted within the interval before it was killed
// may go with it: it was in that memory alone. Not here: reading the rows, or waiting until they are complete.
import { type Entry, endedMs } from "../journal/entry.ts";
import { isFallback } from "./answers.ts";

/** A tenant's sum over all its rows, of users, APIs and days. */
export type RecordedUsage = ReadonlyMap<string, number>;

export type UsageBalance = Readonly<{
  /** Cost that was admitted and is in no row, though it ought to be. */
  lost: number;
  /** Cost that is in no row and may have gone with an instance that was killed. */
  gone: number;
  /** Cost in the rows that nobody asked for: more than was admitted and left without an answer. */
  surplus: number;
}>;

/** When instances were killed, UTC ms, and how long each may have had in memory what its Fallback admitted. */
export type Kills = Readonly<{ atMs: readonly number[]; unwrittenMs: number }>;

export function balanceUsage(entries: readonly Entry[], recorded: RecordedUsage, kills: Kills): UsageBalance {
  const balance = { lost: 0, gone: 0, surplus: 0 };
  for (const [tenant, ofTenant] of Map.groupBy(entries, (entry) => entry.tenant)) {
    const acknowledged = costOf(ofTenant.filter(({ allowed }) => allowed));
    const unknown = costOf(ofTenant.filter(({ reason, status }) => reason === null && (status < 400 || status >= 500)));
    const held = recorded.get(tenant) ?? 0;
    const missing = Math.max(0, acknowledged - held);
    const gone = Math.min(missing, costOf(ofTenant.filter((entry) => wentWithInstance(entry, kills))));
    balance.gone += gone;
    balance.lost += missing - gone;
    balance.surplus += Math.max(0, held - acknowledged - unknown);
  }
  return balance;
}

function wentWithInstance(entry: Entry, { atMs, unwrittenMs }: Kills): boolean {
  if (!entry.allowed || !isFallback(entry)) return false;
  return atMs.some((killedMs) => entry.sentMs <= killedMs && endedMs(entry) >= killedMs - unwrittenMs);
}

function costOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { cost }) => sum + cost, 0);
}
