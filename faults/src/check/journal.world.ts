// Journals by hand, for tests of the checker: requests with round times on one tenant, valid but for what a test changes.
import type { Limits, Scope } from "@sluice/contract";
import type { PolicyEntry, PolicySet } from "@sluice/service/policies/policy-set.ts";
import type { Entry } from "../journal/entry.ts";

/** The first instant of a minute, an hour and a day, in the middle of a month. */
export const NOON_MS = Date.parse("2026-11-22T12:00:00.000Z");

/** Sent `atMs` after noon, answered OK 4 ms later. */
export function admitted(atMs: number, over: Partial<Entry> = {}): Entry {
  return {
    kind: "request",
    tenant: "acme",
    user: "kim",
    path: "/orders/7",
    cost: 1,
    requestId: null,
    sentMs: NOON_MS + atMs,
    lateMs: 0,
    tookMs: 4,
    retries: 0,
    status: 200,
    reason: "OK",
    allowed: true,
    refuser: null,
    notes: [],
    fault: null,
    ...over,
  };
}

export function refusedByQuota(atMs: number, over: Partial<Entry> = {}): Entry {
  const refuser = { scope: "TENANT", window: "month" } as const;
  return admitted(atMs, { reason: "QUOTA_EXCEEDED", allowed: false, refuser, ...over });
}

export function refusedByRate(atMs: number, over: Partial<Entry> = {}): Entry {
  const refuser = { scope: "TENANT", window: "second" } as const;
  return admitted(atMs, { reason: "RATE_LIMIT_EXCEEDED", allowed: false, refuser, ...over });
}

export function byFallback(atMs: number, over: Partial<Entry> = {}): Entry {
  return admitted(atMs, { reason: "ALLOW_FALLBACK", ...over });
}

export function unanswered(atMs: number, over: Partial<Entry> = {}): Entry {
  return admitted(atMs, { status: 0, reason: null, allowed: false, fault: "socket hang up", ...over });
}

/** One policy of tenant `acme`. */
export function limited(limits: Limits, scope: Scope = "TENANT", apiPattern = "/**"): PolicySet {
  const policy: PolicyEntry = {
    name: `acme ${apiPattern}`,
    target: { kind: "TENANT", tenant: "acme" },
    httpMethod: "ANY",
    apiPattern,
    scope,
    limits,
    enforcement: "ENFORCE",
    enabled: true,
    fallback: null,
    validity: null,
    reason: null,
  };
  const tenant = { id: "acme", name: "acme", plan: "LAB", status: "ACTIVE", timeZone: "UTC" } as const;
  return { plans: [{ name: "LAB", limits: {} }], tenants: [tenant], policies: [policy] };
}

export function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
