// What answers when counters cannot: ALLOW_ALL, BLOCK_ALL or STATIC_LIMIT, global or per policy.
//
// Promises: never waits, every answer is tallied and stands in the ledger, memory is bounded by name.
// The number of workers that share a limit is taken once, at the beginning of an outage, and kept until it is over: until
// a check was counted at least OUTAGE_OVER_MS after the last answer given here.
// A requestId admitted here is admitted again within REPLAY_MS and charged once, as far as REMEMBERED_REQUESTS reaches.
// Not here: what needs no counter (unknown, suspended, blocked, a cost above the limit) is decided before (check/).
import type { FallbackMode } from "@sluice/contract";
import type { Answered, TakenCheck, UnavailableCause } from "../counters/counters.ts";
import { REPLAY_MS } from "../counters/counters.ts";
import { ExpiringMap } from "../counters/expiring-map.ts";
import type { Refusal } from "../counters/refusal.ts";
import type { Periods } from "../limits/quota-period.ts";
import { type Resolution, UNMATCHED_API } from "../policies/snapshot.ts";
import { createLastKnown } from "./last-known.ts";
import type { Ledger, LedgerEntry } from "./ledger.ts";
import type { Portion } from "./share.ts";
import { createStaticLimits } from "./static-limits.ts";
import type { WorkerCensus } from "./worker-census.ts";

/** Shorter gaps between two Fallback answers belong to the same outage. */
export const OUTAGE_OVER_MS = 60_000;
/** Most requestIds remembered; the oldest make room. About 150 bytes each. */
export const REMEMBERED_REQUESTS = 50_000;

export type FallbackCause = UnavailableCause | "policy_unknown";

export type FallbackQuestion = Readonly<{
  tenant: string;
  user: string;
  cost: number;
  requestId: string | null;
  /** Null when no policy is known for the tenant: then no limit is, either. */
  resolution: Resolution | null;
  nowMs: number;
  /** Of the tenant's zone, UTC when it is unknown; their current day holds `nowMs`. */
  periods: Periods;
  cause: FallbackCause;
  /** Milliseconds until what is missing is tried again; null when the next check tries it. */
  probeInMs: number | null;
  /** The store was asked, and what it says in the end is told to the verdict's `settle`. */
  isPending: boolean;
}>;

export type FallbackVerdict =
  | Readonly<{
      allowed: true;
      reason: "ALLOW_FALLBACK" | "STATIC_FALLBACK";
      /** Admitted before under the same requestId: nothing was booked now. */
      replayed: boolean;
      /** Of a pending check: to be told, once, whether it is counted in the store after all. */
      settle: (ran: boolean) => void;
    }>
  | Readonly<{ allowed: false; reason: "BLOCK_FALLBACK"; retryAfterMs: number }>
  | Readonly<{ allowed: false; reason: "STATIC_FALLBACK"; refusal: Refusal }>;

/** How many answers were given: for the metric. Few combinations, so a plain list. */
export type FallbackTally = Readonly<{ mode: FallbackMode; cause: FallbackCause; allowed: boolean; answers: number }>;

export interface Fallback {
  answer(question: FallbackQuestion): FallbackVerdict;
  /** Tells of a check that was counted: ends an outage, and teaches STATIC_LIMIT what is left of quotas. */
  counted(tenant: string, user: string, resolution: Resolution, taken: TakenCheck, answered: Answered): void;
  tally(): readonly FallbackTally[];
  /** Local counters that STATIC_LIMIT had to forget at its bound. */
  forgottenCounters(): number;
}

export type FallbackParts = Readonly<{
  mode: FallbackMode;
  census: WorkerCensus;
  ledger: Ledger;
  /** Most counters known and kept locally; left out, what an outage of a whole deployment needs. */
  maxCounters?: number;
}>;

export function createFallback(parts: FallbackParts): Fallback {
  // Made here and not at the first need: setting their memory aside takes some 20 ms, which an outage has not to give.
  const lastKnown = createLastKnown(parts.maxCounters);
  const staticLimits = createStaticLimits(lastKnown, parts.maxCounters);
  const admitted = new ExpiringMap<true>(REMEMBERED_REQUESTS);
  const tally = new Map<string, { mode: FallbackMode; cause: FallbackCause; allowed: boolean; answers: number }>();
  let outage: { portion: Portion; lastAnswerMs: number } | null = null;

  return {
    answer(question) {
      const mode = question.resolution?.fallback ?? parts.mode;
      const verdict = answerAs(mode, question);
      count(mode, question.cause, verdict.allowed);
      return verdict;
    },
    counted(tenant, user, resolution, taken, answered) {
      if (outage !== null && answered.nowMs - outage.lastAnswerMs >= OUTAGE_OVER_MS) outage = null;
      if ((resolution.fallback ?? parts.mode) !== "STATIC_LIMIT") return;
      lastKnown.remember(tenant, user, resolution.claims, taken, answered);
    },
    tally: () => [...tally.values()],
    forgottenCounters: () => staticLimits.forgotten(),
  };

  function answerAs(mode: FallbackMode, question: FallbackQuestion): FallbackVerdict {
    const { tenant, requestId, cost, nowMs, resolution } = question;
    // Noted in every mode, because policies differ in theirs and the census ages while an outage lasts.
    const portion = question.cause === "policy_unknown" ? null : portionInOutage(nowMs);
    if (mode === "BLOCK_ALL") {
      return { allowed: false, reason: "BLOCK_FALLBACK", retryAfterMs: question.probeInMs ?? 0 };
    }
    const reason = mode === "ALLOW_ALL" ? "ALLOW_FALLBACK" : "STATIC_FALLBACK";
    const request = requestId === null ? null : `${tenant}\n${requestId}`;
    if (request !== null && admitted.get(request, nowMs) === true) {
      return { allowed: true, reason, replayed: true, settle: nothingToSettle };
    }
    if (mode === "STATIC_LIMIT" && resolution !== null && portion !== null) {
      const refusal = staticLimits.take({ ...question, claims: resolution.claims }, portion);
      if (refusal !== null) return { allowed: false, reason: "STATIC_FALLBACK", refusal };
    }
    if (cost === 0) return { allowed: true, reason, replayed: false, settle: nothingToSettle };
    if (request !== null) admitted.put(request, true, nowMs + REPLAY_MS, nowMs);
    return { allowed: true, reason, replayed: false, settle: booked(question) };
  }

  function booked(question: FallbackQuestion): (ran: boolean) => void {
    const entry = ledgerEntry(question);
    if (question.isPending) return parts.ledger.admitPending(entry);
    parts.ledger.admit(entry);
    return nothingToSettle;
  }

  function portionInOutage(nowMs: number): Portion {
    if (outage === null) {
      const workers = Math.max(1, parts.census.largestLately());
      outage = { portion: { workers, ordinal: parts.census.ordinal() % workers }, lastAnswerMs: nowMs };
    }
    outage.lastAnswerMs = nowMs;
    return outage.portion;
  }

  function count(mode: FallbackMode, cause: FallbackCause, allowed: boolean): void {
    const key = `${mode} ${cause} ${allowed}`;
    const known = tally.get(key);
    if (known === undefined) tally.set(key, { mode, cause, allowed, answers: 1 });
    else known.answers += 1;
  }
}

function ledgerEntry(question: FallbackQuestion): LedgerEntry {
  const { tenant, user, cost, periods, resolution } = question;
  return {
    tenant,
    user,
    cost,
    periods,
    usageApi: resolution?.usageApi ?? UNMATCHED_API,
    claims: resolution?.claims ?? [],
  };
}

function nothingToSettle(): void {}
