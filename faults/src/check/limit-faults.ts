// What limits did wrong in a run: refused too early, or let through too much. Pure.
//
// Where a fault moves the store's clock, rate limits and quotas are each judged at the instants that count for them
// (clock-moves.ts); else both by the journal's own.
import type { Entry } from "../journal/entry.ts";
import { asLaterFound, asStoreSaw, type ClockMove, mayBeTooStrict, type Reading } from "./clock-moves.ts";
import type { CounterFinder } from "./counters.ts";
import { type CounterHistory, historiesOf, SAME_MACHINE_ERROR_MS } from "./history.ts";
import { type Excess, findOverAdmission } from "./over-admission.ts";
import { isQuota } from "./period.ts";
import { findWrongDenials } from "./wrong-denials.ts";

export type LimitFaults = Readonly<{ excesses: readonly Excess[]; wrongDenials: readonly Entry[] }>;

export function findLimitFaults(
  entries: readonly Entry[],
  countersOf: CounterFinder,
  moves: readonly ClockMove[],
): LimitFaults {
  if (moves.length === 0) {
    const histories = historiesIn(entries, countersOf);
    return { excesses: findOverAdmission(histories.values()), wrongDenials: wrongIn(entries, countersOf, histories) };
  }
  const readings = (["rate", "quota"] as const).map((reading) => faultsIn(reading, entries, countersOf, moves));
  return {
    excesses: readings.flatMap(({ excesses }) => excesses),
    wrongDenials: readings.flatMap(({ wrongDenials }) => wrongDenials),
  };
}

function faultsIn(
  reading: Reading,
  entries: readonly Entry[],
  countersOf: CounterFinder,
  moves: readonly ClockMove[],
): LimitFaults {
  const excesses = findOverAdmission(historiesIn(asStoreSaw(entries, moves, reading), countersOf).values());
  if (excesses.some(({ limit }) => limit.window === "day")) {
    throw new Error("The checker knows no sliding day whose clock moves: give the load of this fault other windows.");
  }
  const refused = entries.filter((entry) => readingOf(entry) === reading && !mayBeTooStrict(entry, moves));
  const found = historiesIn(asLaterFound(entries, moves, reading), countersOf);
  return {
    excesses: excesses.filter(({ limit }) => isQuota(limit.window) === (reading === "quota")),
    wrongDenials: wrongIn(asStoreSaw(refused, moves, reading), countersOf, found),
  };
}

/** By the limit that refused it. */
function readingOf({ refuser }: Entry): Reading {
  return refuser !== null && isQuota(refuser.window) ? "quota" : "rate";
}

function historiesIn(entries: readonly Entry[], countersOf: CounterFinder) {
  return historiesOf(entries, countersOf, { clockErrorMs: SAME_MACHINE_ERROR_MS });
}

function wrongIn(refused: readonly Entry[], countersOf: CounterFinder, histories: ReadonlyMap<string, CounterHistory>) {
  return findWrongDenials(refused, countersOf, histories, SAME_MACHINE_ERROR_MS);
}
