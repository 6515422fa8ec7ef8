// Answers that need no counter, decided alike whether the counters are there or not. Pure.
// Not found, suspended and blocked never reach the store; a cost above a limit does (its counters are shown), and only
// when the store has no answer is it decided here, because no count could have let it pass.
import type { Remaining, ResetAt } from "@sluice/contract";
import type { WindowLimit } from "../counters/claim.ts";
import type { Answer, Tightest } from "./answer.ts";
import type { Asked, Counted, Uncounted } from "./asked.ts";
import { type QuotaStatus, REMAINING_OF_WINDOW, refusalReason } from "./decision.ts";
import { deniedByOf } from "./denied-by.ts";
import { RESET_UNKNOWN, resetAtOf } from "./reset-at.ts";
import { tightestOf } from "./tightest.ts";

export function uncountedAnswer(asked: Uncounted): Answer {
  switch (asked.kind) {
    case "not_found":
      return refused(asked, "TENANT_NOT_FOUND", 404, NOTHING_KNOWN, RESET_UNKNOWN, null, null);
    case "suspended":
      return refused(asked, "TENANT_SUSPENDED", 403, NOTHING_KNOWN, resetAtOf(asked.nowMs, asked.periods), null, null);
    case "blocked":
      return blockedAnswer(asked);
  }
}

/** The answer to a cost that no state of the counters could admit; null when the cost fits into every limit. */
export function tooCostlyAnswer(asked: Counted, quotaStatus: QuotaStatus): Answer | null {
  const limit = asked.resolution.claims
    .flatMap((claim) => claim.enforced)
    .find((one) => one.capacity < asked.input.cost);
  if (limit === undefined) return null;
  const reason = refusalReason(limit.window);
  const status = reason === "QUOTA_EXCEEDED" ? quotaStatus : 429;
  // What is used is not known without the counters: 0 is the least it can be.
  return refused(
    asked,
    reason,
    status,
    NOTHING_KNOWN,
    resetAtOf(asked.nowMs, asked.periods),
    deniedByOf(limit, 0),
    null,
  );
}

/** Shown where nothing limits or nothing is known of what is left. */
export const NOTHING_KNOWN: Remaining = Object.freeze({
  perSecond: null,
  perMinute: null,
  perDay: null,
  quotaDaily: null,
  quotaMonthly: null,
});

/** A blocked call finds nothing left in any window that limits it. */
function blockedAnswer(asked: Extract<Uncounted, { kind: "blocked" }>): Answer {
  const { by, nowMs, periods, resolution } = asked;
  const limit: WindowLimit = { window: by.window, capacity: 0, source: by.source };
  const remaining: Remaining = { ...NOTHING_KNOWN };
  for (const window of by.windows) remaining[REMAINING_OF_WINDOW[window]] = 0;
  for (const claim of resolution.claims) {
    for (const { window } of claim.enforced) remaining[REMAINING_OF_WINDOW[window]] = 0;
  }
  const tightest = tightestOf(limit, 0, nowMs, periods);
  return refused(asked, "BLOCKED", 403, remaining, resetAtOf(nowMs, periods), deniedByOf(limit, 0), tightest);
}

function refused(
  asked: Asked,
  reason: Answer["decision"]["reason"],
  status: number,
  remaining: Remaining,
  resetAt: ResetAt,
  deniedBy: Answer["decision"]["deniedBy"],
  tightest: Tightest | null,
): Answer {
  const { policyVersion, traceId } = asked;
  return {
    decision: {
      allowed: false,
      reason,
      status,
      remaining,
      resetAt,
      retryAfterMs: null,
      deniedBy,
      shadow: [],
      notes: [],
      policyVersion,
      traceId,
    },
    tightest,
  };
}
