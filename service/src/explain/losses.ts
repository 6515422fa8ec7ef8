// Why one policy does not decide: it does not match, is not in force, or another goes before it. Pure.
import type { CheckInput } from "../check/input.ts";
import { patternMatches } from "../policies/pattern.ts";
import type { Policy } from "../policies/policy.ts";
import { comparePrecedence, type Precedence } from "../policies/precedence.ts";
import type { Loser, Unmatched } from "./explanation.ts";

export type Loss = Pick<Loser, "why" | "segment">;

/** Null when method and path match. */
export function mismatchOf(policy: Policy, { httpMethod, segments }: CheckInput): Unmatched["why"] | null {
  if (policy.httpMethod !== "ANY" && policy.httpMethod !== httpMethod) return "OTHER_METHOD";
  return patternMatches(policy.apiPattern, segments) ? null : "OTHER_PATH";
}

/** Null when it is in force at `nowMs`. */
export function absenceOf({ enabled, validity }: Policy, nowMs: number): Loss | null {
  if (!enabled) return { why: "DISABLED", segment: null };
  if (validity === null) return null;
  if (nowMs < validity.validFromMs) return { why: "NOT_YET_VALID", segment: null };
  return nowMs >= validity.validUntilMs ? { why: "NO_LONGER_VALID", segment: null } : null;
}

/** Both match the call and are of one scope, and `winner` goes first. */
export function lossAgainst(winner: Policy, loser: Policy): Loss {
  const { why } = comparePrecedence(winner, loser);
  return { why: LOSSES[why.by], segment: why.by === "pattern" ? why.segment : null };
}

const LOSSES: Readonly<Record<Precedence["by"], Loss["why"]>> = {
  target: "TARGET_LESS_SPECIFIC",
  override: "OVERRIDE_GOES_FIRST",
  pattern: "PATTERN_LESS_SPECIFIC",
  method: "METHOD_ANY",
  start: "STARTED_EARLIER",
  id: "LATER_ID",
};
