// Whether a quota that was used up admitted something again within its period: what was counted had been forgotten. Pure.
import { type Entry, endedMs } from "../journal/entry.ts";
import type { Counter, CounterFinder } from "./counters.ts";
import { isQuota, periodAt } from "./period.ts";
import type { Timeline } from "./timeline.ts";

/** When the last such OK was answered, UTC ms; null when there was none. */
export function lastOkOfFullQuota(
  entries: readonly Entry[],
  countersOf: CounterFinder,
  { inflictedMs }: Timeline,
): number | null {
  const full = new Set<string>();
  let lastMs: number | null = null;
  for (const entry of entries) {
    for (const name of quotasOf(entry, countersOf(entry))) {
      // A refusal of the least cost says that nothing is left.
      if (entry.sentMs < inflictedMs && entry.cost === 1 && entry.reason === "QUOTA_EXCEEDED") full.add(name);
      const isAfter = entry.sentMs >= inflictedMs && entry.reason === "OK";
      if (isAfter && full.has(name)) lastMs = Math.max(lastMs ?? 0, endedMs(entry));
    }
  }
  return lastMs;
}

/** Names of a counter's quotas in their periods; of a refusal the one that it named. */
function quotasOf({ sentMs, refuser }: Entry, counters: readonly Counter[]): string[] {
  return counters.flatMap(({ name, scope, zone, limits }) =>
    limits
      .filter(({ window }) => isQuota(window))
      .filter(({ window }) => refuser === null || (refuser.window === window && refuser.scope === scope))
      .map(({ window }) => `${name} ${window} ${periodAt(window, zone, sentMs).startMs}`),
  );
}
