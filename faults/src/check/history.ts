// What is known of each counter from the journal alone: which request took how much from it, and between which instants.
//
// The answer says that a cost was counted, but not when: somewhere between sending and answer. A request that got no
// answer of the counters may have been counted or not; it is never held against the service in either direction. Pure.
import { type Entry, endedMs } from "../journal/entry.ts";
import { mayBeAdmittedTwice } from "./answers.ts";
import type { Counter, CounterFinder } from "./counters.ts";

/** `certain`: answered OK, so counted once. Otherwise it may have been, or not. */
export type Taking = Readonly<{ cost: number; fromMs: number; toMs: number; certain: boolean }>;

/** In the order of `fromMs`. */
export type CounterHistory = Readonly<{ counter: Counter; takings: readonly Taking[] }>;

export type HistoryOptions = Readonly<{
  /** How far the store's clock may be from the journal's. */
  clockErrorMs: number;
}>;

/** Milliseconds are rounded in the journal, and Redis rounds its own. */
export const SAME_MACHINE_ERROR_MS = 2;
/**
 * A request that timed out may still run at the store; takes expire there some milliseconds after their deadline
 * (docs/decisions/0005), so this is a hundred times too generous.
 */
export const LATEST_RUN_MS = 1_000;

export function historiesOf(
  entries: readonly Entry[],
  countersOf: CounterFinder,
  { clockErrorMs }: HistoryOptions,
): Map<string, CounterHistory> {
  const takings = new Map<string, { counter: Counter; takings: Taking[] }>();
  for (const entry of entries) {
    const certain = entry.reason === "OK";
    if (!certain && !mayHaveTaken(entry)) continue;
    const toMs = endedMs(entry) + clockErrorMs + (certain ? 0 : LATEST_RUN_MS);
    const taking = { cost: entry.cost, fromMs: entry.sentMs - clockErrorMs, toMs, certain };
    const again = { ...taking, toMs: endedMs(entry) + clockErrorMs + LATEST_RUN_MS, certain: false };
    for (const counter of countersOf(entry)) {
      const history = takings.get(counter.name) ?? { counter, takings: [] };
      history.takings.push(taking);
      if (mayBeAdmittedTwice(entry)) history.takings.push(again);
      takings.set(counter.name, history);
    }
  }
  for (const history of takings.values()) history.takings.sort((one, other) => one.fromMs - other.fromMs);
  return takings;
}

/** No answer, or one of the Fallback: the store may have taken the cost nonetheless. Its own refusal took nothing. */
function mayHaveTaken({ reason, status }: Entry): boolean {
  if (reason === null) return status < 400 || status >= 500;
  return reason.endsWith("_FALLBACK");
}
