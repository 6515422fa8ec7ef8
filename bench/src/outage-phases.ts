// Which part of an outage a check fell into: before it, during it, on the way back; and whether a stall of our own did.
import type { Told } from "./generator/job.ts";
import { LEAST_STALL_MS, overlapsAny, type Stall } from "./stalls/stalls.ts";

export type Fault = Readonly<{
  name: string;
  beganMs: number;
  /** When Redis was let go on, or started again. */
  returnedMs: number;
  /** The next fault may begin. */
  settledMs: number;
}>;

/** One pass over healthy, faulty and returning Redis. `faults` in the order of time. */
export type Round = Readonly<{ checks: readonly Told[]; faults: readonly Fault[] }>;

/** What the breakers do not know yet is waited for until the deadline: looked at apart. */
const ONSET_MS = 100;

const OK = "OK";

/** By name, in the order of time; a check may belong to several, as the first 100 ms belong to their fault. */
export function phasesOf({ checks, faults }: Round): Map<string, Told[]> {
  const firstFaultMs = faults[0]?.beganMs ?? Number.POSITIVE_INFINITY;
  const phases = new Map([["healthy", checks.filter(({ answeredMs }) => answeredMs < firstFaultMs)]]);
  for (const fault of faults) {
    const { name, beganMs, returnedMs, settledMs } = fault;
    // What was asked before and is still without an answer meets the fault, too.
    const struck = checks.filter(({ dueMs, answeredMs }) => answeredMs >= beganMs && dueMs < returnedMs);
    const onset = struck.filter(({ dueMs }) => dueMs < beganMs + ONSET_MS);
    const back = checks.filter(({ dueMs }) => dueMs >= returnedMs && dueMs < settledMs);
    const okMs = returnedMs + firstOkMs({ checks, faults }, fault);
    phases.set(name, struck);
    phases.set(`${name}, first ${ONSET_MS} ms`, onset);
    phases.set(
      `${name} and back, until the first OK`,
      back.filter(({ dueMs }) => dueMs < okMs),
    );
    phases.set(
      `${name} and back, after the first OK`,
      back.filter(({ dueMs }) => dueMs >= okMs),
    );
  }
  return phases;
}

/** Milliseconds from the return of Redis. Throws when no check was OK again before the next fault. */
export function firstOkMs({ checks }: Round, { name, returnedMs, settledMs }: Fault): number {
  const oks = checks.filter(({ dueMs, outcome }) => outcome === OK && dueMs >= returnedMs && dueMs < settledMs);
  if (oks.length === 0) throw new Error(`No check was OK within ${settledMs - returnedMs} ms after: ${name}.`);
  return Math.min(...oks.map(({ answeredMs }) => answeredMs - returnedMs));
}

/** From the beginning of a fault until the next may begin: what the fault costs, with what follows from it. */
export function fallbackAnswers({ checks }: Round, { beganMs, settledMs }: Fault): number {
  const met = checks.filter(({ dueMs, answeredMs }) => answeredMs >= beganMs && dueMs < settledMs);
  return met.filter(({ outcome }) => outcome.endsWith("_FALLBACK")).length;
}

/**
 * No stall of ours from when it was due until it should have had its answer, `goalMs` later, and the generator came to
 * it in time. All checks are judged over the same time: were it over the time each took, the slow ones would meet more
 * stalls than the fast ones, be left out more often, and the rest look better than they are.
 */
export function isClear({ dueMs, noticedMs }: Told, stalls: readonly Stall[], goalMs: number): boolean {
  return noticedMs - dueMs <= LEAST_STALL_MS && !overlapsAny(stalls, dueMs, dueMs + goalMs);
}
