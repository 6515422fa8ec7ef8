// What the service remarks on written plans and policies: legal, stored, and probably not what was meant.
// A warning never refuses anything. Codes are a closed list and never change their meaning; messages are for people.
// Not here: when each is due (service/src/policies/policy-lint.ts).
import Type from "typebox";

/** Every code with what it says of a row. */
export const WARNINGS = {
  NEVER_MATCHES: "No call can ever match: a normalised path or an upper-cased method never looks like this",
  WITHOUT_EFFECT: "For every call, other policies go before this one in everything it sets",
  DISABLED: "The row is stored and not in force",
  LIMITS_NOTHING: "The policy is enforced and sets no limit",
  WATCHES_NOTHING: "The policy is in SHADOW and sets no limit that could be exceeded",
  UNREACHABLE_LIMIT: "A limit of a longer window is lower, so the one of the shorter window is never reached",
  OVERRIDE_ENDED: "The temporary override is already over",
  EQUALS_PLAN: "The limit is the one that the plan sets already",
} as const;
export type WarningCode = keyof typeof WARNINGS;

export const Warning = Type.Object(
  {
    code: Type.Enum(Object.keys(WARNINGS) as WarningCode[]),
    message: Type.String(),
    pointer: Type.String({ description: "JSON Pointer (RFC 6901) into the body; empty = the row as a whole" }),
  },
  { additionalProperties: false },
);
export type Warning = Type.Static<typeof Warning>;
