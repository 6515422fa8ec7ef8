// A claim: one counter a check must take from, with the limits that the check obeys in it.
// Claims are compiled once per (tenant, set of matching policies) and shared by every check that resolves to them.
import type { Scope, Window } from "@sluice/contract";
import type { TargetKind } from "../policies/policy.ts";

/** Where a limit is written: what `deniedBy` names. `policyId` is `plan:<NAME>` for a Plan's own limits. */
export type LimitSource = Readonly<{ policyId: string; target: TargetKind; scope: Scope }>;

/** A limit of ≥ 1 in one window. 0 never gets here (the check is BLOCKED without a counter), -1 and null are absent. */
export type WindowLimit = Readonly<{ window: Window; capacity: number; source: LimitSource }>;

/**
 * One counter: identified by tenant, scope, user (TENANT_USER*, the check's own) and `api` (TENANT_API, TENANT_USER_API).
 * `enforced` and `shadow` hold at most one limit per window each; together at least one.
 * A window named in either takes the cost, once.
 */
export type Claim = Readonly<{
  scope: Scope;
  /** `METHOD pattern` as written in the policy, or null when the API is not in the scope. */
  api: string | null;
  enforced: readonly WindowLimit[];
  shadow: readonly WindowLimit[];
}>;
