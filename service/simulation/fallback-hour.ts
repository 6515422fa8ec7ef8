// A plan of its own: for a whole hour no counter answers, so that the Fallback answers everything, and then all of it is to
// be settled exactly. Nobody is killed and no request is tried again, for what that may cost is allowed elsewhere.
import type { FallbackMode } from "@sluice/contract";
import { asks, MAX_PROCESSES, NOON_MS, type Plan, type PlannedEvent, SHARDS } from "./plan.ts";
import { Random } from "./random.ts";

const HOUR_MS = 3_600_000;
/** Of usual work before it, so that there is something to lose, and after it. */
const AROUND_MS = 2_000;
const CHECKS_BEFORE = 12;
const CHECKS_DURING = 400;
const CHECKS_AFTER = 8;
/** The month ends in the middle of the hour. */
const BEFORE_MONTH_END_MS = Date.parse("2026-11-30T23:31:00.000Z");

/** How the store is after the hour: as it was, of a replica that lagged, or empty. */
export type Return = "as it was" | "from a replica" | "empty";

export type HourOptions = Readonly<{
  seed: number;
  fallback: FallbackMode;
  comesBack: Return;
  endsAMonth: boolean;
  /** PostgreSQL is away for its second third, too. */
  withoutDatabase: boolean;
}>;

export function fallbackHour({ seed, fallback, comesBack, endsAMonth, withoutDatabase }: HourOptions): Plan {
  const random = new Random(seed);
  const events = [
    ...checks(random, CHECKS_BEFORE, 0, AROUND_MS),
    ...checks(random, CHECKS_DURING, AROUND_MS, HOUR_MS),
    ...checks(random, CHECKS_AFTER, AROUND_MS + HOUR_MS, AROUND_MS),
    ...Array.from({ length: SHARDS }, (_, shard) => outage(random, shard, comesBack)).flat(),
  ];
  if (withoutDatabase) events.push({ kind: "database_away", atMs: HOUR_MS / 3, forMs: HOUR_MS / 3 });
  return {
    ...{ seed, fallback, processes: MAX_PROCESSES, busyMs: HOUR_MS + 2 * AROUND_MS },
    startMs: endsAMonth ? BEFORE_MONTH_END_MS : NOON_MS,
    events: events.toSorted((a, b) => a.atMs - b.atMs),
  };
}

function checks(random: Random, count: number, fromMs: number, forMs: number): PlannedEvent[] {
  return Array.from({ length: count }, () => ({
    ...{ kind: "check", atMs: fromMs + random.next() * forMs, process: random.between(0, MAX_PROCESSES - 1) },
    asks: asks(random).map((ask) => ({ ...ask, requestId: null })),
  }));
}

function outage(random: Random, shard: number, comesBack: Return): PlannedEvent[] {
  if (comesBack === "from a replica") {
    return [{ kind: "fail_over", atMs: AROUND_MS, shard, afterMs: HOUR_MS, lagMs: random.between(0, 2_000) }];
  }
  const frozen: PlannedEvent = { kind: "freeze_store", atMs: AROUND_MS, shard, forMs: HOUR_MS };
  return comesBack === "empty" ? [frozen, { kind: "flush_store", atMs: AROUND_MS + HOUR_MS - 1, shard }] : [frozen];
}
