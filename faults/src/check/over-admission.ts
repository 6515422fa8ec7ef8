// Over-admission: more answered OK than a limit lets through, whatever the order in which it happened.
//
// For each bucket or calendar period of each limit, the least that must have been counted is taken: only costs answered OK
// that lie wholly inside, and the bucket before at the instant at which it weighs least. Whatever exceeds the limit even so
// was admitted too much. Fallback answers are no OK, and accounted apart. Pure.
import type { Counter, CounterLimit } from "./counters.ts";
import type { CounterHistory, Taking } from "./history.ts";
import { isQuota, type Period, periodAt, weightOfPrevious } from "./period.ts";

export type Excess = Readonly<{
  counter: Counter;
  limit: CounterLimit;
  periodStartMs: number;
  /** Cost beyond the limit, rounded down. */
  cost: number;
}>;

export function findOverAdmission(histories: Iterable<CounterHistory>): Excess[] {
  return [...histories].flatMap(({ counter, takings }) =>
    counter.limits.flatMap((limit) => excessesOf(counter, limit, takings)),
  );
}

/** Sums over all counters; a day's bucket and a month's quota of one counter are two limits and count twice. */
export function costBeyond(excesses: readonly Excess[], kind: "rate" | "quota"): number {
  return excesses
    .filter(({ limit }) => isQuota(limit.window) === (kind === "quota"))
    .reduce((sum, { cost }) => sum + cost, 0);
}

function excessesOf(counter: Counter, limit: CounterLimit, takings: readonly Taking[]): Excess[] {
  const inside = new Map<number, { period: Period; takings: Taking[] }>();
  for (const taking of takings) {
    const period = periodAt(limit.window, counter.zone, taking.fromMs);
    if (!taking.certain || taking.toMs >= period.endMs) continue;
    const bucket = inside.get(period.startMs) ?? { period, takings: [] };
    bucket.takings.push(taking);
    inside.set(period.startMs, bucket);
  }
  return [...inside.values()].flatMap(({ period, takings: present }) => {
    const previous = period.previousStartMs === null ? [] : (inside.get(period.previousStartMs)?.takings ?? []);
    const cost = Math.floor(excessOf(period, limit.capacity, present, sumOf(previous)));
    return cost > 0 ? [{ counter, limit, periodStartMs: period.startMs, cost }] : [];
  });
}

/** The greatest over all instants: at the last count up to then, at the latest, everything before it was counted. */
function excessOf(period: Period, capacity: number, present: readonly Taking[], previous: number): number {
  let counted = 0;
  let greatest = 0;
  for (const { cost, toMs } of present.toSorted((one, other) => one.toMs - other.toMs)) {
    counted += cost;
    greatest = Math.max(greatest, counted + previous * weightOfPrevious(period, toMs) - capacity);
  }
  return greatest;
}

function sumOf(takings: readonly Taking[]): number {
  return takings.reduce((sum, { cost }) => sum + cost, 0);
}
