// What an explanation says, ready for the wire: which limits apply to a call, who won and why the others lost, what the
// counters hold, and what the decision would be. A complete answer: no door computes anything of it.
import type { Decision, Scope, Window } from "@sluice/contract";
import type { UnavailableCause } from "../counters/counters.ts";
import type { Target, TenantStatus } from "../policies/policy.ts";

/** Why a policy does not decide. The first four say it does not take part at all, SHADOW that it does so elsewhere. */
export type LossCode =
  | "DISABLED"
  | "NOT_YET_VALID"
  | "NO_LONGER_VALID"
  | "FIELD_NOT_SET"
  | "SHADOW"
  | "TARGET_LESS_SPECIFIC"
  | "OVERRIDE_GOES_FIRST"
  | "PATTERN_LESS_SPECIFIC"
  | "METHOD_ANY"
  | "STARTED_EARLIER"
  | "LATER_ID"
  | "PLAN_COMES_LAST";

/** A policy, or a Plan's own limits: then `policyId` is `plan:<NAME>`, and there is neither method nor pattern. */
export type Contender = Readonly<{
  policyId: string;
  name: string;
  target: Target;
  httpMethod: string | null;
  apiPattern: string | null;
}>;

/** `segment` of the pattern, from 1, in which the winner is the more specific; null for any other reason. */
export type Loser = Contender & Readonly<{ limit: number | null; why: LossCode; segment: number | null }>;

/** One field of one scope. `limit`: ≥ 1, 0 = blocked, -1 = unlimited. No winner: nothing that matches is in force. */
export type FieldExplanation = Readonly<{
  scope: Scope;
  window: Window;
  winner: (Contender & Readonly<{ limit: number }>) | null;
  /** Every other policy of the scope that matches the call, and the plan, the most specific first. */
  losers: readonly Loser[];
}>;

/** The SHADOW policy that is evaluated in a scope, with all its limits, and those that are not because of it. */
export type ShadowExplanation = Readonly<{
  scope: Scope;
  watching: Contender & Readonly<{ limits: readonly Readonly<{ window: Window; limit: number }>[] }>;
  losers: readonly Omit<Loser, "limit">[];
}>;

/** A policy of the tenant, its plan or everyone that does not match the call at all. */
export type Unmatched = Contender & Readonly<{ scope: Scope; why: "OTHER_METHOD" | "OTHER_PATH" }>;

/** A counter that the call takes from. The values are null when the counters cannot be asked. */
export type CounterExplanation = Readonly<{
  scope: Scope;
  /** `METHOD pattern`; null when the API is not in the scope. */
  api: string | null;
  /** "" for calls without a user; null when the user is not in the scope. */
  user: string | null;
  windows: readonly Readonly<{
    window: Window;
    /** The limit that is obeyed, and the one that is only watched; null where there is none. */
    limit: number | null;
    shadowLimit: number | null;
    /** Rounded up. */
    used: number | null;
    /** The greatest cost that `limit` would let pass; null without one. */
    remaining: number | null;
    /** End of the bucket or calendar period. */
    resetAt: string;
  }>[];
}>;

export type Explanation = Readonly<{
  policyVersion: number;
  /** Null when there is no such tenant, or no policies are known. */
  tenant: Readonly<{ id: string; plan: string; status: TenantStatus; timeZone: string }> | null;
  fields: readonly FieldExplanation[];
  shadow: readonly ShadowExplanation[];
  /** At most MAX_UNMATCHED of them; `unmatchedMore` are left out. */
  unmatched: readonly Unmatched[];
  unmatchedMore: number;
  counters: readonly CounterExplanation[];
  /** The answer that a check would get now; null when only the Fallback could give it (`unavailable`). */
  decision: Decision | null;
  /** Why counters or policies could not be asked; null when they were. */
  unavailable: UnavailableCause | "policy_unknown" | null;
}>;
