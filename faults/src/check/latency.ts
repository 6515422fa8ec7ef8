// How long callers waited, from when a request was due: one that had to wait for the generator is as slow as its caller
// would have seen it. Requests that met a stall of the generator itself are left out, and how many that were is said. Pure.
import type { Entry, Stall } from "../journal/entry.ts";

export type Latency = Readonly<{ p50Ms: number; p99Ms: number; greatestMs: number; leftOut: number; of: number }>;

/** No latency of nothing. */
export function latencyOf(entries: readonly Entry[], stalls: readonly Stall[]): Latency | null {
  // All are judged over the same time after they were due: over their own, the slow ones would be left out more often.
  const clear = entries.filter((entry) => !meetsStall(entry, stalls));
  const sorted = clear.map(({ lateMs, tookMs }) => lateMs + tookMs).sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  const [p50Ms, p99Ms, greatestMs] = [at(0.5), at(0.99), at(1)];
  if (p50Ms === undefined || p99Ms === undefined || greatestMs === undefined) return null;
  return { p50Ms, p99Ms, greatestMs, leftOut: entries.length - clear.length, of: entries.length };
}

/** What is promised; a stall later than this after a request cannot be what made it too slow. */
const JUDGED_MS = 20;

function meetsStall(entry: Entry, stalls: readonly Stall[]): boolean {
  const dueMs = entry.sentMs - entry.lateMs;
  return stalls.some(({ fromMs, toMs }) => fromMs <= dueMs + JUDGED_MS && toMs >= dueMs);
}
