// Answers in place of the counters: puts the Fallback's verdict into the contract's words.
// Not here: the verdict itself (fallback/), or when it is asked (check.ts).
import type { ResetAt } from "@sluice/contract";
import type { Unavailable } from "../counters/counters.ts";
import type { Fallback, FallbackCause, FallbackVerdict } from "../fallback/fallback.ts";
import type { Calendar } from "../limits/calendar.ts";
import type { Answer } from "./answer.ts";
import type { Counted, PolicyUnknown } from "./asked.ts";
import type { QuotaStatus } from "./decision.ts";
import { deniedByOf } from "./denied-by.ts";
import { RESET_UNKNOWN, resetAtOf } from "./reset-at.ts";
import { NOTHING_KNOWN, tooCostlyAnswer } from "./uncounted.ts";

/** What the Fallback stands on, and what it is told of the outage. */
export type FallbackParts = Readonly<{ fallback: Fallback; calendar: Calendar; quotaStatus: QuotaStatus }>;
export type Outage = Readonly<{ cause: FallbackCause; probeInMs: number | null; nowMs: number }>;

/** An answer given without the store. */
export type StoodIn = Readonly<{
  answer: Answer;
  /** Allowed and charged in the ledger: if the store took the cost after all, the store's taking stands. */
  charged: boolean;
  /** To be told then whether it did, if the store was asked. */
  settle: (ran: boolean) => void;
}>;

/**
 * Stands in for a take that has no answer, and for the checks after it that shall not wait again. The store learns what
 * was answered to the checks it was asked for: the first `pending` of `asked`.
 */
export function standInForTake(
  parts: FallbackParts,
  asked: readonly Counted[],
  pending: number,
  store: Unavailable,
  nowMs: number,
): Answer[] {
  const outage = { cause: store.cause, probeInMs: store.probeInMs, nowMs };
  const stoodIn = asked.map((one, i) => standIn(parts, one, outage, i < pending));
  const charged = stoodIn.slice(0, pending).map((one) => one.charged);
  store.settle(charged, (i, ran) => stoodIn[i]?.settle(ran));
  return stoodIn.map((one) => one.answer);
}

/** Stands in for one check. `isPending`: the store was asked, and will tell whether it took the cost after all. */
export function standIn(
  parts: FallbackParts,
  asked: Counted | PolicyUnknown,
  outage: Outage,
  isPending = false,
): StoodIn {
  if (asked.kind === "counted") {
    const tooCostly = tooCostlyAnswer(asked, parts.quotaStatus);
    if (tooCostly !== null) return { answer: tooCostly, charged: false, settle: nothingToSettle };
  }
  const { tenantId, user, cost, requestId } = asked.input;
  const periods = parts.calendar.periods(asked.kind === "counted" ? asked.tenant.timeZone : "UTC", outage.nowMs);
  const verdict = parts.fallback.answer({
    tenant: tenantId,
    user,
    cost,
    requestId,
    resolution: asked.kind === "counted" ? asked.resolution : null,
    nowMs: outage.nowMs,
    periods,
    cause: outage.cause,
    probeInMs: outage.probeInMs,
    isPending,
  });
  const resetAt = asked.kind === "counted" ? resetAtOf(outage.nowMs, periods) : RESET_UNKNOWN;
  const answer = answerOf(verdict, asked, outage, resetAt);
  if (!verdict.allowed) return { answer, charged: false, settle: nothingToSettle };
  return { answer, charged: !verdict.replayed && cost > 0, settle: verdict.settle };
}

function answerOf(verdict: FallbackVerdict, asked: Counted | PolicyUnknown, outage: Outage, resetAt: ResetAt): Answer {
  const refusal = verdict.reason === "STATIC_FALLBACK" && !verdict.allowed ? verdict.refusal : null;
  const notes: string[] = [];
  if (verdict.allowed && verdict.replayed) notes.push("request_replayed");
  if (outage.cause === "policy_unknown" || outage.cause === "slot_moving") notes.push(outage.cause);
  return {
    decision: {
      allowed: verdict.allowed,
      reason: verdict.reason,
      status: verdict.allowed ? 200 : verdict.reason === "BLOCK_FALLBACK" ? 503 : 429,
      remaining: NOTHING_KNOWN,
      resetAt,
      retryAfterMs: verdict.reason === "BLOCK_FALLBACK" ? verdict.retryAfterMs : (refusal?.retryAfterMs ?? null),
      deniedBy: refusal === null ? null : deniedByOf(refusal.limit, refusal.used),
      shadow: [],
      notes,
      policyVersion: asked.policyVersion,
      traceId: asked.traceId,
    },
    tightest: null,
  };
}

function nothingToSettle(): void {}
