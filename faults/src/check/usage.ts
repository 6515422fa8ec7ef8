// Usage that was lost: what the journal says was admitted against what the rows of PostgreSQL say was recorded. Pure.
//
// Acknowledged <= recorded <= acknowledged + what was left without an answer or asked of two instances. What the Fallback admitted is acknowledged,
// too: its callers were let through. Only what the Fallback of an instance admitted shortly before it was killed may be missing,
// for it was in that memory alone, or there twice, for only that memory knew that the store had not counted it
// (decision 0016). Not here: reading the rows, or waiting until they are complete.
import { type Entry, endedMs } from "../journal/entry.ts";
import { isFallback, mayBeAdmittedTwice } from "./answers.ts";

/** A tenant's sum over all its rows, of users, APIs and days. */
export type RecordedUsage = ReadonlyMap<string, number>;

export type UsageBalance = Readonly<{
  /** Cost that was admitted and is in no row, though it ought to be. */
  lost: number;
  /** Cost that is missing or too much and was admitted by the Fallback of an instance shortly before it was killed. */
  ofKilled: number;
  /** Cost in the rows that nobody asked for: more than was admitted and left without an answer. */
  surplus: number;
}>;

/** When instances were killed, UTC ms, and how long each may have had in memory what its Fallback admitted. */
export type Kills = Readonly<{ atMs: readonly number[]; unwrittenMs: number }>;

export function balanceUsage(entries: readonly Entry[], recorded: RecordedUsage, kills: Kills): UsageBalance {
  const balance = { lost: 0, ofKilled: 0, surplus: 0 };
  for (const [tenant, ofTenant] of Map.groupBy(entries, (entry) => entry.tenant)) {
    const acknowledged = costOf(ofTenant.filter(({ allowed }) => allowed));
    const unknown = costOf(ofTenant.filter((entry) => isUnanswered(entry) || mayBeAdmittedTwice(entry)));
    const held = recorded.get(tenant) ?? 0;
    const unsure = costOf(ofTenant.filter((entry) => isUnsure(entry, kills)));
    const missing = Math.max(0, acknowledged - held);
    const surplus = Math.max(0, held - acknowledged - unknown);
    balance.lost += Math.max(0, missing - unsure);
    balance.surplus += Math.max(0, surplus - unsure);
    balance.ofKilled += Math.min(unsure, missing + surplus);
  }
  return balance;
}

function isUnanswered({ reason, status }: Entry): boolean {
  return reason === null && (status < 400 || status >= 500);
}

function isUnsure(entry: Entry, { atMs, unwrittenMs }: Kills): boolean {
  if (!entry.allowed || !isFallback(entry)) return false;
  return atMs.some((killedMs) => entry.sentMs <= killedMs && endedMs(entry) >= killedMs - unwrittenMs);
}

function costOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { cost }) => sum + cost, 0);
}
