// The compiled policies a check is answered from: immutable, in memory, one per version.
// (interface first; the compiler is below)
import type { FallbackMode } from "@sluice/contract";
import type { Claim, LimitSource } from "../counters/claim.ts";
import type { Policy, Plan, Tenant, TenantStatus } from "./policy.ts";

export type SnapshotSource = Readonly<{
  version: PolicyVersion;
  tenants: Iterable<Tenant>;
  plans: Iterable<Plan>;
  policies: Iterable<Policy>;
}>;

/** Which history a version belongs to: compared before the version itself, because PITR and failover fork history. */
export type PolicyVersion = Readonly<{ systemId: string; timeline: number; version: number }>;

export type TenantView = Readonly<{ id: string; index: number; status: TenantStatus; plan: string; timeZone: string }>;

/** What one (tenant, method, path) must obey; shared by all checks that resolve alike, so never changed. */
export type Resolution = Readonly<{
  claims: readonly Claim[];
  /** A limit of 0 that applies, most specific first: the check is BLOCKED by it. */
  blocked: Readonly<{ window: import("@sluice/contract").Window; source: LimitSource }> | null;
  /** `METHOD pattern` of the most specific matching policy, or UNMATCHED_API: the name usage is booked under. */
  usageApi: string;
  /** The fallback of the most specific matching policy that sets one, else null. */
  fallback: FallbackMode | null;
}>;

export const UNMATCHED_API = "ANY /**";

export interface Snapshot {
  readonly version: PolicyVersion;
  readonly tenantCount: number;
  readonly policyCount: number;
  /** `nowMs` decides scheduled plan changes. */
  tenant(id: string, nowMs: number): TenantView | null;
  /** `segments` as normalisePath gives them. */
  resolve(tenant: TenantView, httpMethod: string, segments: readonly string[], nowMs: number): Resolution;
}
