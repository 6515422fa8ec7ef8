// Explains one counted check: what the store said, turned into the answer of the contract. Pure.
//
// Everything is read off the states that came back, so nothing is asked twice: one estimate per limit gives `remaining`,
// whether the limit refuses, and `used`. Integers make it exact: a cost passes if used + cost ≤ limit, `used` rounded up.
// All limits must pass, so the retry time is the latest over all that refuse, and the limit that has it is named.
// Not here: answers without counters (uncounted.ts) and of the Fallback (fallback-answer.ts).
import type { Reason, Remaining, Window } from "@sluice/contract";
import { windowRetryMs, windowUsed } from "../counters/admission.ts";
import type { WindowLimit } from "../counters/claim.ts";
import type { Answered, TakenCheck } from "../counters/counters.ts";
import { graverRefusal, type Refusal } from "../counters/refusal.ts";
import type { Answer } from "./answer.ts";
import type { Counted } from "./asked.ts";
import { deniedByOf } from "./denied-by.ts";
import { resetAtOf } from "./reset-at.ts";
import { appendShadow } from "./shadow.ts";
import { isTighter, tightestOf } from "./tightest.ts";

/** Which status a spent quota has: SLUICE_QUOTA_STATUS. */
export type QuotaStatus = 429 | 403;

/** Null when the reply contradicts itself: a refusal that no limit explains, or states missing. */
export function decisionOf(
  asked: Counted,
  taken: TakenCheck,
  answered: Answered,
  quotaStatus: QuotaStatus,
): Answer | null {
  const { periods, resolution } = asked;
  const { cost } = asked.input;
  const { nowMs } = answered;
  const remaining: Remaining = {
    perSecond: null,
    perMinute: null,
    perDay: null,
    quotaDaily: null,
    quotaMonthly: null,
  };
  const shadow: Answer["decision"]["shadow"] = [];
  let tightest: WindowLimit | null = null;
  let tightestLeft = 0;
  let refusal: Refusal | null = null;

  for (let i = 0; i < resolution.claims.length; i += 1) {
    const claim = resolution.claims[i];
    const state = taken.states[i];
    if (claim === undefined || state === undefined) return null;
    for (const limit of claim.enforced) {
      const used = windowUsed(state, limit.window, nowMs, answered);
      const left = Math.max(0, limit.capacity - used);
      lower(remaining, limit.window, left);
      if (tightest === null || isTighter(limit, left, tightest, tightestLeft)) {
        tightest = limit;
        tightestLeft = left;
      }
      if (taken.admitted || used + cost <= limit.capacity) continue;
      const retryAfterMs = windowRetryMs(state, limit.window, limit.capacity, cost, nowMs, periods);
      refusal = graverRefusal(refusal, { limit, used, retryAfterMs });
    }
    if (claim.shadow.length > 0) appendShadow(shadow, claim, state, taken, cost, nowMs, answered);
  }
  if (!taken.admitted && refusal === null) return null;

  const reason = refusal === null ? "OK" : refusalReason(refusal.limit.window);
  return {
    decision: {
      allowed: taken.admitted,
      reason,
      status: refusal === null ? 200 : reason === "QUOTA_EXCEEDED" ? quotaStatus : 429,
      remaining,
      resetAt: resetAtOf(nowMs, periods),
      retryAfterMs: refusal === null ? null : refusal.retryAfterMs,
      deniedBy: refusal === null ? null : deniedByOf(refusal.limit, refusal.used),
      shadow,
      notes: notesOf(taken),
      policyVersion: asked.policyVersion,
      traceId: asked.traceId,
    },
    tightest:
      refusal !== null
        ? tightestOf(refusal.limit, Math.max(0, refusal.limit.capacity - refusal.used), nowMs, periods)
        : tightest !== null
          ? tightestOf(tightest, tightestLeft, nowMs, periods)
          : null,
  };
}

/** The reason that a refusal in `window` has. */
export function refusalReason(window: Window): Extract<Reason, "RATE_LIMIT_EXCEEDED" | "QUOTA_EXCEEDED"> {
  return window === "quotaDay" || window === "month" ? "QUOTA_EXCEEDED" : "RATE_LIMIT_EXCEEDED";
}

/** The field of `remaining` that speaks of a window. */
export const REMAINING_OF_WINDOW: Readonly<Record<Window, keyof Remaining>> = {
  second: "perSecond",
  minute: "perMinute",
  day: "perDay",
  quotaDay: "quotaDaily",
  month: "quotaMonthly",
};

function lower(remaining: Remaining, window: Window, left: number): void {
  const field = REMAINING_OF_WINDOW[window];
  const known = remaining[field];
  if (known === null || left < known) remaining[field] = left;
}

function notesOf(taken: TakenCheck): string[] {
  const notes: string[] = [];
  if (taken.overflowed) notes.push("user_overflow");
  if (taken.replayed) notes.push("request_replayed");
  return notes;
}
