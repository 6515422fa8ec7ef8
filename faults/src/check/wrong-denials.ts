// Wrong denials: refusals by a limit that cannot have been reached.
//
// For the limit that an answer named, the most that may have been counted is taken: every cost that may have been counted
// before the answer, at the instant at which it weighs most. A refusal that would not even follow from that is wrong. What
// is found here is never the fault of the clock; a refusal that is wrong by less than that uncertainty is not found. Pure.
import { type Entry, endedMs } from "../journal/entry.ts";
import type { Counter, CounterFinder, CounterLimit } from "./counters.ts";
import type { CounterHistory, Taking } from "./history.ts";
import { isQuota, type Period, periodAt, weightOfPrevious } from "./period.ts";

export function findWrongDenials(
  entries: readonly Entry[],
  countersOf: CounterFinder,
  histories: ReadonlyMap<string, CounterHistory>,
  clockErrorMs: number,
): Entry[] {
  return entries.filter((entry) => isRefusal(entry) && !isExplained(entry, countersOf(entry), histories, clockErrorMs));
}

/** By a limit or a state of the tenant. What the Fallback refuses is its mode, and no claim about a limit. */
function isRefusal({ reason, allowed }: Entry): boolean {
  return reason !== null && !allowed && !reason.endsWith("_FALLBACK");
}

function isExplained(
  entry: Entry,
  counters: readonly Counter[],
  histories: ReadonlyMap<string, CounterHistory>,
  clockErrorMs: number,
): boolean {
  if (entry.reason !== "RATE_LIMIT_EXCEEDED" && entry.reason !== "QUOTA_EXCEEDED") return false; // no such tenant here
  const limits = counters.flatMap((counter) => counter.limits.map((limit) => ({ counter, limit })));
  const { refuser } = entry;
  if (refuser === null) return limits.some(({ limit }) => entry.cost > limit.capacity); // it can never pass
  return limits.some(({ counter, limit }) => {
    const isNamed = counter.scope === refuser.scope && limit.window === refuser.window;
    return isNamed && mayBeFull(entry, counter, limit, histories.get(counter.name)?.takings ?? [], clockErrorMs);
  });
}

function mayBeFull(
  entry: Entry,
  { zone }: Counter,
  { window, capacity }: CounterLimit,
  takings: readonly Taking[],
  clockErrorMs: number,
): boolean {
  const fromMs = entry.sentMs - clockErrorMs;
  const toMs = endedMs(entry) + clockErrorMs;
  // What the Fallback admitted is booked into quotas when the counters are back: at any time later.
  const before = takings.filter((taking) => taking.fromMs <= toMs).map((taking) => settled(taking, isQuota(window)));
  for (let atMs = fromMs; atMs <= toMs; ) {
    const period = periodAt(window, zone, atMs);
    if (mostUsed(before, period, atMs) + entry.cost > capacity) return true;
    atMs = period.endMs;
  }
  return false;
}

function settled(taking: Taking, inQuota: boolean): Taking {
  return inQuota && !taking.certain ? { ...taking, toMs: Number.POSITIVE_INFINITY } : taking;
}

/** Greatest at the first instant, as the bucket before only fades; what straddles an end is counted on both sides. */
function mostUsed(takings: readonly Taking[], period: Period, atMs: number): number {
  const within = (startMs: number, endMs: number) =>
    takings.reduce((sum, { cost, fromMs, toMs }) => (fromMs < endMs && toMs >= startMs ? sum + cost : sum), 0);
  const present = within(period.startMs, period.endMs);
  if (period.previousStartMs === null) return present;
  return present + within(period.previousStartMs, period.startMs) * weightOfPrevious(period, atMs);
}
