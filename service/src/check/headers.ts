// The header fields of a decision: RateLimit and RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers (list form,
// structured fields of RFC 9651) for the tightest limit, and Retry-After of RFC 9110.
// Promise: Retry-After is never before `t`, and a refusal's `t` is its retry time.
import type { Window } from "@sluice/contract";
import type { Answer } from "./answer.ts";

/** `w` of RateLimit-Policy, seconds. Calendar periods have their nominal length: the exact end is `t`. */
const NOMINAL_SECONDS: Readonly<Record<Window, number>> = {
  second: 1,
  minute: 60,
  day: 86_400,
  quotaDay: 86_400,
  month: 2_592_000,
};

/** The greatest integer a structured field may hold: 15 digits, one less than the greatest quota has. */
const MAX_FIELD_INTEGER = 999_999_999_999_999;

/** Appends name, value pairs to `fields`, the flat list that `writeHead` takes. */
export function appendRateLimitHeaders(fields: string[], answer: Answer): void {
  const { tightest } = answer;
  const { allowed, retryAfterMs } = answer.decision;
  const retrySeconds = retryAfterMs === null ? null : Math.ceil(retryAfterMs / 1000);
  if (tightest !== null) {
    const { window } = tightest;
    const r = Math.min(tightest.remaining, MAX_FIELD_INTEGER);
    const q = Math.min(tightest.limit, MAX_FIELD_INTEGER);
    const t = !allowed && retrySeconds !== null ? retrySeconds : tightest.resetSeconds;
    fields.push("RateLimit", `"${window}";r=${r};t=${t}`);
    fields.push("RateLimit-Policy", `"${window}";q=${q};w=${NOMINAL_SECONDS[window]}`);
  }
  if (retrySeconds !== null) fields.push("Retry-After", `${Math.max(1, retrySeconds)}`);
}
