// The expectations that many faults share, and whether a run met one. Pure.
import type { Figures } from "../check/figures.ts";
import type { Expectation } from "./fault.ts";

/** Promised under every fault. */
const NO_WRONG_DENIAL: Expectation = { figure: "wrongDenials", atMost: 0, why: "no refusal without a full limit" };
const NO_ERROR: Expectation = { figure: "errorShare", atMost: 0, why: "every check gets a decision" };
const ALL_ANSWERED: Expectation = { figure: "unanswered", atMost: 0, why: "no instance dies here" };
/** Of checks, whatever is broken. */
export const PROMISED_P99_MS = 20;
const FAST_IN_FAULT: Expectation = {
  figure: "faultP99Ms",
  atMost: PROMISED_P99_MS,
  why: "store calls are cut at the deadline",
};
const FAST_WITHOUT_STALLS: Expectation = {
  figure: "clearP99Ms",
  atMost: PROMISED_P99_MS,
  why: "of what met no stall of the machine",
};
const LIMITS_TRIED: Expectation = { figure: "refusals", atLeast: 100, why: "the load does reach its limits" };
/** Where an instance is killed: what it was asked without a requestId must not be asked again. */
export const EVERY_KILL: readonly Expectation[] = [
  ...[NO_WRONG_DENIAL, NO_ERROR, FAST_IN_FAULT, FAST_WITHOUT_STALLS, LIMITS_TRIED],
];
export const EVERY_FAULT: readonly Expectation[] = [...EVERY_KILL, ALL_ANSWERED];

export const OTHERS_EXACT: Expectation = { figure: "fallbackElsewhere", atMost: 0, why: "other shards go on counting" };
export const NO_FALLBACK: Expectation = { figure: "fallbackStruck", atMost: 0, why: "the counters answer throughout" };
const QUOTAS_HOLD: Expectation = { figure: "quotaOverAdmission", atMost: 0, why: "quotas are never exceeded" };
export const RATES_HOLD: Expectation = {
  figure: "rateOverAdmission",
  atMost: 0,
  why: "rate limits are never exceeded",
};
const NO_FULL_QUOTA_REOPENS: Expectation = {
  figure: "quotaReopenedMs",
  atMost: 0,
  why: "what is used up stays used up",
};
export const COUNTS_KEPT: readonly Expectation[] = [QUOTAS_HOLD, NO_FULL_QUOTA_REOPENS];
/** A breaker closes after three good probes; traffic ramps up over a second. */
export const SOON_EXACT: Expectation = { figure: "returnMs", atMost: 3_000, why: "exact as soon as it is back" };

export const LOST_USAGE = "lost usage";
export const KILLED_USAGE = "Fallback usage of the killed, lost or twice";
export const SURPLUS_USAGE = "usage counted twice";
export const USAGE_EXACT: readonly Expectation[] = [
  { figure: LOST_USAGE, atMost: 0, why: "what was acknowledged is recorded" },
  { figure: SURPLUS_USAGE, atMost: 0, why: "and nothing but what was asked for" },
];
/** Where instances are killed while the store is there: the Fallback has had little to answer. */
export const KILLED_FALLBACK: Expectation = {
  figure: KILLED_USAGE,
  atMost: 100,
  why: "what the Fallback had just admitted is known to that memory alone",
};

export type Verdict = Readonly<{ expectation: Expectation; value: number | null; met: boolean }>;

/** `told` are the figures of the fault itself. */
export function judge(
  expectations: readonly Expectation[],
  figures: Figures,
  told: Readonly<Record<string, number>>,
): Verdict[] {
  const values: Readonly<Record<string, number | null>> = { ...figures, ...told };
  return expectations.map((expectation) => {
    const value = values[expectation.figure] ?? null;
    return { expectation, value, met: value !== null && holds(expectation, value) };
  });
}

function holds(expectation: Expectation, value: number): boolean {
  return "atMost" in expectation ? value <= expectation.atMost : value >= expectation.atLeast;
}
