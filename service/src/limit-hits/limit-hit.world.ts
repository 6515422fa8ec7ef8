// Refusals and lines of them for tests: valid as they are, with whatever a test cares about put in their place.
import type { LimitHit, LimitHitLine } from "./limit-hit.ts";

/** A Sunday, 12:00:00.000Z. */
export const NOON_MS = Date.parse("2026-11-22T12:00:00.000Z");
export const MINUTE_MS = 60_000;

export function hit(part: Partial<LimitHit> = {}): LimitHit {
  return { ...WHAT, cost: 1, atMs: NOON_MS, ...part };
}

export function line(part: Partial<LimitHitLine> = {}): LimitHitLine {
  const minuteMs = part.minuteMs ?? NOON_MS;
  return { ...WHAT, minuteMs, hits: 1, cost: 1, firstMs: minuteMs, lastMs: minuteMs, ...part };
}

const WHAT = {
  tenant: "acme",
  user: "kim",
  api: "GET /v1/**",
  reason: "RATE_LIMIT_EXCEEDED",
  window: "minute",
  policyId: "plan:FREE",
  scope: "TENANT",
  dayLabel: 20261122,
} as const;
