// The compiled policies a check is answered from: immutable, in memory, one per version. This is the interface;
// snapshot-compile.ts builds and changes snapshots, snapshot-compiled.ts answers from them.
import type { FallbackMode, Window } from "@sluice/contract";
import type { ManagedCredential } from "../auth/service-credential.ts";
import type { Claim, LimitSource } from "../counters/claim.ts";
import type { Plan, Policy, Tenant, TenantStatus } from "./policy.ts";

export type SnapshotSource = Readonly<{
  version: PolicyVersion;
  tenants: Iterable<Tenant>;
  plans: Iterable<Plan>;
  policies: Iterable<Policy>;
  /** Of callers: not policies, but published with them. */
  credentials: Iterable<ManagedCredential>;
}>;

/** Which history a version belongs to: compared before the version itself, because PITR and failover fork history. */
export type PolicyVersion = Readonly<{ systemId: string; timeline: number; version: number }>;

/** `index` numbers the tenant within the snapshot that gave the view: hand a view back to that snapshot only. */
export type TenantView = Readonly<{ id: string; index: number; status: TenantStatus; plan: string; timeZone: string }>;

/** What one (tenant, method, path) must obey; shared by all checks that resolve alike, so never changed. */
export type Resolution = Readonly<{
  /** By scope (TENANT first), then by API. */
  claims: readonly Claim[];
  /**
   * A limit of 0 that applies: the check is BLOCKED by it. Of several the most specific is named, as none of them ever
   * clears; `windows` are all that are blocked, its own first.
   */
  blocked: Readonly<{ window: Window; source: LimitSource; windows: readonly Window[] }> | null;
  /** `METHOD pattern` of the most specific matching ENFORCE policy, or UNMATCHED_API: the name usage is booked under. */
  usageApi: string;
  /** The fallback of the most specific matching ENFORCE policy that sets one, else null. */
  fallback: FallbackMode | null;
}>;

export const UNMATCHED_API = "ANY /**";

export interface Snapshot {
  readonly version: PolicyVersion;
  readonly tenantCount: number;
  readonly policyCount: number;
  /** `nowMs` decides scheduled plan changes. */
  tenant(id: string, nowMs: number): TenantView | null;
  /** `segments` as normalisePath gives them. `nowMs` decides the validity of overrides. */
  resolve(tenant: TenantView, httpMethod: string, segments: readonly string[], nowMs: number): Resolution;
}
