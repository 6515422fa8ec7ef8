// Why a call gets the answer it gets, on the wire of the Admin API. The question is a check's.
import Type from "typebox";
import { Decision } from "../check.ts";
import { SCOPES, WINDOWS } from "../limits.ts";
import { Nullable } from "./list.ts";
import { PolicyTarget } from "./policies.ts";

const strict = { additionalProperties: false };
const Scope = Type.Enum(SCOPES);
const Window = Type.Enum(WINDOWS);

export const LOSS_CODES = [
  "DISABLED",
  "NOT_YET_VALID",
  "NO_LONGER_VALID",
  "FIELD_NOT_SET",
  "SHADOW",
  "TARGET_LESS_SPECIFIC",
  "OVERRIDE_GOES_FIRST",
  "PATTERN_LESS_SPECIFIC",
  "METHOD_ANY",
  "STARTED_EARLIER",
  "LATER_ID",
  "PLAN_COMES_LAST",
] as const;

const contender = {
  policyId: Type.String({ description: "plan:<NAME> for a plan's own limits" }),
  name: Type.String(),
  target: PolicyTarget,
  httpMethod: Nullable(Type.String()),
  apiPattern: Nullable(Type.String()),
};
const loss = {
  why: Type.Enum(LOSS_CODES),
  segment: Nullable(
    Type.Integer({ description: "The pattern's segment, from 1, in which the winner is more specific" }),
  ),
};
const Count = Nullable(Type.Integer({ minimum: 0 }));

export const ExplanationBody = Type.Object(
  {
    policyVersion: Type.Integer({ minimum: 0 }),
    tenant: Nullable(
      Type.Object({ id: Type.String(), plan: Type.String(), status: Type.String(), timeZone: Type.String() }, strict),
    ),
    fields: Type.Array(
      Type.Object(
        {
          scope: Scope,
          window: Window,
          winner: Nullable(Type.Object({ ...contender, limit: Type.Integer() }, strict)),
          losers: Type.Array(Type.Object({ ...contender, limit: Nullable(Type.Integer()), ...loss }, strict)),
        },
        strict,
      ),
    ),
    shadow: Type.Array(
      Type.Object(
        {
          scope: Scope,
          watching: Type.Object(
            { ...contender, limits: Type.Array(Type.Object({ window: Window, limit: Type.Integer() }, strict)) },
            strict,
          ),
          losers: Type.Array(Type.Object({ ...contender, ...loss }, strict)),
        },
        strict,
      ),
    ),
    unmatched: Type.Array(
      Type.Object({ ...contender, scope: Scope, why: Type.Enum(["OTHER_METHOD", "OTHER_PATH"]) }, strict),
    ),
    unmatchedMore: Type.Integer({ minimum: 0, description: "Not listed" }),
    counters: Type.Array(
      Type.Object(
        {
          scope: Scope,
          api: Nullable(Type.String()),
          user: Nullable(Type.String({ description: "(anonymous) and (overflow) are no users of the tenant" })),
          windows: Type.Array(
            Type.Object(
              {
                window: Window,
                limit: Nullable(Type.Integer()),
                shadowLimit: Nullable(Type.Integer()),
                used: Count,
                remaining: Count,
                resetAt: Type.String(),
              },
              strict,
            ),
          ),
        },
        strict,
      ),
    ),
    decision: Nullable(Decision),
    unavailable: Nullable(Type.String({ description: "Why counters or policies could not be asked" })),
  },
  strict,
);
