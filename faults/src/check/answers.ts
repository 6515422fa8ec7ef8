// What callers got, by kind: decisions, errors, no answer at all. Pure.
import type { Entry } from "../journal/entry.ts";

export type Answers = Readonly<{
  total: number;
  /** Neither a decision nor, with a requestId, one at the second try: what no caller may see. */
  errors: readonly Entry[];
  /** Without an answer and without a requestId: nobody may ask again, so a kill may leave some. */
  unanswered: readonly Entry[];
  /** By the Fallback, admitted or not. */
  fallback: readonly Entry[];
}>;

/** The balancer's words for an instance that went away in the middle of a request. */
const LOST_WITH_INSTANCE = new Set([0, 502, 504]);

export function sortAnswers(entries: readonly Entry[]): Answers {
  const without = entries.filter(({ reason }) => reason === null);
  const isLost = ({ status, requestId }: Entry) => requestId === null && LOST_WITH_INSTANCE.has(status);
  return {
    total: entries.length,
    errors: without.filter((entry) => !isLost(entry)),
    unanswered: without.filter(isLost),
    fallback: entries.filter(isFallback),
  };
}

export function isFallback({ reason }: Entry): boolean {
  return reason?.endsWith("_FALLBACK") ?? false;
}

/** The balancer's patience with an instance (deploy/haproxy): then it asks another what carries a requestId. */
const BALANCER_PATIENCE_MS = 2_000;

/**
 * Asked of two instances: the answer is one's, and the other's Fallback may have admitted it, too, for a requestId is best
 * effort there.
 */
export function mayBeAdmittedTwice({ requestId, retries, tookMs }: Entry): boolean {
  return requestId !== null && (retries > 0 || tookMs >= BALANCER_PATIENCE_MS);
}

/** Answered by the counters. */
export function isExact(entry: Entry): boolean {
  return entry.reason !== null && !isFallback(entry);
}
