// What an operator writes down: policies, plans and tenants, as rows of the repository.
// Not here: how they are compiled for matching (snapshot.ts) or stored (policies.pg.ts).
import type { FallbackMode, Limits, Scope } from "@sluice/contract";

export type Target =
  | Readonly<{ kind: "EVERYONE" }>
  | Readonly<{ kind: "PLAN"; plan: string }>
  | Readonly<{ kind: "TENANT"; tenant: string }>;
export type TargetKind = Target["kind"];

export type Enforcement = "ENFORCE" | "SHADOW";

/** A temporary override: ranks before its target's other policies from `validFromMs` until `validUntilMs` (UTC ms). */
export type Validity = Readonly<{ validFromMs: number; validUntilMs: number }>;

export type Policy = Readonly<{
  id: string;
  name: string;
  target: Target;
  /** An upper-cased RFC 9110 token, or ANY. */
  httpMethod: string;
  /** Canonical pattern: see pattern.ts. */
  apiPattern: string;
  scope: Scope;
  limits: Limits;
  enforcement: Enforcement;
  enabled: boolean;
  /** Overrides the global Fallback for calls that this policy limits; null = the global one. */
  fallback: FallbackMode | null;
  /** Set on temporary overrides only. */
  validity: Validity | null;
}>;

export type Plan = Readonly<{ name: string; limits: Limits }>;

export type TenantStatus = "ACTIVE" | "SUSPENDED";

export type Tenant = Readonly<{
  id: string;
  plan: string;
  status: TenantStatus;
  /** IANA name. */
  timeZone: string;
  /** A plan change that takes effect at `atMs` (UTC ms) without PostgreSQL; null = none is scheduled. */
  nextPlan: Readonly<{ plan: string; atMs: number }> | null;
}>;
