// One check as the policies see it, before any counter: who asks, what he must obey, or why no counter is needed.
// Pure but for the calendar's memory; the instant is the caller's.
// Not here: the answer (decision.ts, uncounted.ts) or the counting (check.ts).
import type { Calendar } from "../limits/calendar.ts";
import type { Periods } from "../limits/quota-period.ts";
import type { Resolution, Snapshot, TenantView } from "../policies/snapshot.ts";
import type { CheckInput } from "./input.ts";

/** A tenant is "not found" only by a snapshot that PostgreSQL confirmed within this time. */
export const CONFIRMED_WITHIN_MS = 10_000;

/** The policies in memory, as the core needs them. */
export interface PolicyView {
  /** The snapshot in force; null when none was ever loaded. */
  snapshot(): Snapshot | null;
  /** Milliseconds since PostgreSQL last confirmed that snapshot as its newest; Infinity when it never did. */
  confirmedAgoMs(): number;
  /** Milliseconds until loading or confirming is tried again; null when that is not known. */
  retryInMs(): number | null;
}

type Request = Readonly<{ input: CheckInput; traceId: string; policyVersion: number; nowMs: number }>;
/** `periods` are of the tenant's zone around `nowMs`. */
type OfTenant = Readonly<{ tenant: TenantView; periods: Periods }>;

export type Counted = Request & OfTenant & Readonly<{ kind: "counted"; resolution: Resolution }>;
export type Uncounted = Request &
  (
    | Readonly<{ kind: "not_found" }>
    | (OfTenant & Readonly<{ kind: "suspended" }>)
    | (OfTenant & Readonly<{ kind: "blocked"; resolution: Resolution; by: NonNullable<Resolution["blocked"]> }>)
  );
export type PolicyUnknown = Request & Readonly<{ kind: "policy_unknown"; retryInMs: number | null }>;
export type Asked = Counted | Uncounted | PolicyUnknown;

export function ask(
  policies: PolicyView,
  calendar: Calendar,
  input: CheckInput,
  traceId: string,
  nowMs: number,
): Asked {
  const snapshot = policies.snapshot();
  if (snapshot === null) {
    return { kind: "policy_unknown", input, traceId, policyVersion: 0, nowMs, retryInMs: policies.retryInMs() };
  }
  const policyVersion = snapshot.version.version;
  const tenant = snapshot.tenant(input.tenantId, nowMs);
  if (tenant === null) {
    if (policies.confirmedAgoMs() <= CONFIRMED_WITHIN_MS)
      return { kind: "not_found", input, traceId, policyVersion, nowMs };
    return { kind: "policy_unknown", input, traceId, policyVersion, nowMs, retryInMs: policies.retryInMs() };
  }
  const periods = calendar.periods(tenant.timeZone, nowMs);
  if (tenant.status === "SUSPENDED")
    return { kind: "suspended", input, traceId, policyVersion, nowMs, tenant, periods };
  const resolution = snapshot.resolve(tenant, input.httpMethod, input.segments, nowMs);
  const by = resolution.blocked;
  if (by !== null) return { kind: "blocked", input, traceId, policyVersion, nowMs, tenant, periods, resolution, by };
  return { kind: "counted", input, traceId, policyVersion, nowMs, tenant, periods, resolution };
}
