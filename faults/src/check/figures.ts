// All figures of one run, from its journal, its policies and its instants. Nothing here asks the service anything. Pure.
import type { PolicySet } from "@sluice/service/policies/policy-set.ts";
import type { Entry, Journal, Stall } from "../journal/entry.ts";
import { isExact, isFallback, sortAnswers } from "./answers.ts";
import type { ClockMove } from "./clock-moves.ts";
import { type Clump, clumpsOf } from "./clumps.ts";
import { createCounterFinder } from "./counters.ts";
import { latencyOf } from "./latency.ts";
import { findLimitFaults } from "./limit-faults.ts";
import { costBeyond, type Excess } from "./over-admission.ts";
import { exactAfterMs } from "./recovery.ts";
import { lastOkOfFullQuota } from "./reopened.ts";
import { meetsAny, meetsFault, type Timeline } from "./timeline.ts";

/** What every run has; a fault may add figures of its own. Null = this run has none. */
export type Figures = Readonly<{
  requests: number;
  /** By limits: without any, a run shows nothing about limits. */
  refusals: number;
  wrongDenials: number;
  /** Cost answered OK beyond the limits: of rate limits, of quotas. */
  rateOverAdmission: number;
  quotaOverAdmission: number;
  /** Share of requests, 0..1. */
  errorShare: number;
  unanswered: number;
  /**
   * Answers of the Fallback: to the struck tenants, to all others after the fault began, before it; and, in none of these,
   * those that met a stall of the machine.
   */
  fallbackStruck: number;
  fallbackElsewhere: number;
  fallbackBefore: number;
  fallbackInStalls: number;
  /** Cost that the Fallback admitted. */
  fallbackCost: number;
  /** From the fault, and from its mending, until the struck tenants' answers are exact; a miss is infinite. */
  recoveryMs: number;
  returnMs: number | null;
  p99Ms: number | null;
  /** Before the fault: what the machine itself takes. */
  baselineP99Ms: number | null;
  faultP99Ms: number | null;
  /** Of those that met no stall of the machine. */
  clearP99Ms: number | null;
  /** Since the fault, of tenants that it does not strike. */
  elsewhereP99Ms: number | null;
  /** From the fault to the last OK by a quota that was full before it; 0 when there was none. */
  quotaReopenedMs: number;
  /** Share of requests that latencies leave out for a stall of the generator. */
  leftOutShare: number;
}>;

export type Run = Readonly<{
  journal: Journal;
  policies: PolicySet;
  timeline: Timeline;
  /** Tenants of the part that the fault hits. */
  struck: readonly string[];
  /** When some core of it could not be had for a while. */
  machineStalls: readonly Stall[];
  /** Where a fault moves the store's clock, in the order of time. */
  clockMoves?: readonly ClockMove[];
}>;

/** Requests to look at where a figure is not as expected, a few of each kind. */
export type Evidence = Readonly<{
  wrongDenials: readonly Entry[];
  errors: readonly Entry[];
  excesses: readonly Excess[];
  fallback: readonly Clump[];
}>;

const MOST_EVIDENCE = 5;

export function figuresOf({ journal, policies, timeline, struck, machineStalls, clockMoves = [] }: Run): {
  figures: Figures;
  evidence: Evidence;
} {
  const { entries, stalls } = journal;
  const countersOf = createCounterFinder(policies);
  const { excesses, wrongDenials } = findLimitFaults(entries, countersOf, clockMoves);
  const { errors, unanswered, fallback } = sortAnswers(entries);
  const isStruck = new Set(struck);
  const ofStack = fallback.filter((entry) => !meetsAny(machineStalls, entry));
  const since = entries.filter((entry) => meetsFault(entry, timeline));
  // What the Fallback answered in a stall of the machine says neither that a part is back nor that it is not.
  const ofStruck = entries.filter(
    (entry) => isStruck.has(entry.tenant) && !(isFallback(entry) && meetsAny(machineStalls, entry)),
  );
  const warm = entries.filter(({ sentMs }) => sentMs >= timeline.warmMs);
  const latency = latencyOf(warm, stalls);
  const figures: Figures = {
    requests: entries.length,
    refusals: entries.filter((entry) => isExact(entry) && !entry.allowed).length,
    wrongDenials: wrongDenials.length,
    rateOverAdmission: costBeyond(excesses, "rate"),
    quotaOverAdmission: costBeyond(excesses, "quota"),
    errorShare: errors.length / Math.max(1, entries.length),
    unanswered: unanswered.length,
    fallbackStruck: ofStack.filter((entry) => meetsFault(entry, timeline) && isStruck.has(entry.tenant)).length,
    fallbackElsewhere: ofStack.filter((entry) => meetsFault(entry, timeline) && !isStruck.has(entry.tenant)).length,
    fallbackBefore: ofStack.filter((entry) => !meetsFault(entry, timeline)).length,
    fallbackInStalls: fallback.length - ofStack.length,
    fallbackCost: fallback.filter(({ allowed }) => allowed).reduce((sum, { cost }) => sum + cost, 0),
    recoveryMs: exactAfterMs(ofStruck, timeline.inflictedMs),
    returnMs: timeline.mendedMs === null ? null : exactAfterMs(ofStruck, timeline.mendedMs),
    p99Ms: latency?.p99Ms ?? null,
    baselineP99Ms:
      latencyOf(
        warm.filter((entry) => !meetsFault(entry, timeline)),
        stalls,
      )?.p99Ms ?? null,
    faultP99Ms: latencyOf(since, stalls)?.p99Ms ?? null,
    clearP99Ms: latencyOf(since, [...stalls, ...machineStalls])?.p99Ms ?? null,
    elsewhereP99Ms:
      latencyOf(
        since.filter(({ tenant }) => !isStruck.has(tenant)),
        stalls,
      )?.p99Ms ?? null,
    quotaReopenedMs: Math.max(0, (lastOkOfFullQuota(entries, countersOf, timeline) ?? 0) - timeline.inflictedMs),
    leftOutShare: latency === null ? 0 : latency.leftOut / latency.of,
  };
  const evidence = {
    wrongDenials: wrongDenials.slice(0, MOST_EVIDENCE),
    errors: [...errors, ...unanswered].slice(0, MOST_EVIDENCE),
    excesses: excesses.slice(0, MOST_EVIDENCE),
    fallback: clumpsOf(fallback, machineStalls, timeline.inflictedMs),
  };
  return { figures, evidence };
}
