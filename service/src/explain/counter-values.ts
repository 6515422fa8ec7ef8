// The counters of a call with their values, as a look found them. Pure.
import { WINDOWS, type Window } from "@sluice/contract";
import type { Counted } from "../check/asked.ts";
import { windowRemaining, windowResetMs, windowsOf, windowUsed } from "../counters/admission.ts";
import type { Claim } from "../counters/claim.ts";
import { OVERFLOW_USER, type Taken } from "../counters/counters.ts";
import type { CounterExplanation } from "./explanation.ts";

export function countersOf(call: Counted, looked: Taken): CounterExplanation[] {
  const overflowed = looked.kind === "answered" && looked.checks[0]?.overflowed === true;
  const user = overflowed ? OVERFLOW_USER : call.input.user;
  return call.resolution.claims.map((claim, i) => {
    const hasUser = claim.scope === "TENANT_USER" || claim.scope === "TENANT_USER_API";
    const windows = WINDOWS.filter((window) => windowsOf(claim).includes(window));
    return {
      scope: claim.scope,
      api: claim.api,
      user: hasUser ? user : null,
      windows: windows.map((window) => windowOf(call, claim, i, window, looked)),
    };
  });
}

function windowOf(
  call: Counted,
  claim: Claim,
  index: number,
  window: Window,
  looked: Taken,
): CounterExplanation["windows"][number] {
  const limit = claim.enforced.find((one) => one.window === window)?.capacity ?? null;
  const shadowLimit = claim.shadow.find((one) => one.window === window)?.capacity ?? null;
  const nowMs = looked.kind === "answered" ? looked.nowMs : call.nowMs;
  const resetAt = new Date(windowResetMs(window, nowMs, call.periods)).toISOString();
  const state = looked.kind === "answered" ? looked.checks[0]?.states[index] : undefined;
  if (looked.kind === "unavailable" || state === undefined) {
    return { window, limit, shadowLimit, used: null, remaining: null, resetAt };
  }
  const used = windowUsed(state, window, nowMs, looked);
  const remaining = limit === null ? null : windowRemaining(state, window, limit, nowMs, looked);
  return { window, limit, shadowLimit, used, remaining, resetAt };
}
