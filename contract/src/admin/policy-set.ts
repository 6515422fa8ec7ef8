// A whole set of plans, tenants and policies on the wire: what a policy file holds.
// The rows are judged by the rules of the policy file, which name every fault; the schema only knows the envelope.
import Type from "typebox";
import { Warning } from "../warnings.ts";

const Rows = Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: 20_000 });

export const PolicySetBody = Type.Object(
  { plans: Type.Optional(Rows), tenants: Type.Optional(Rows), apiPolicies: Type.Optional(Rows) },
  { additionalProperties: false },
);
export const PolicySetQuery = Type.Object(
  {
    dryRun: Type.Optional(Type.Boolean({ description: "Tells what would change, and changes nothing" })),
    prune: Type.Optional(Type.Boolean({ description: "Deletes what the set does not hold; overrides stay" })),
  },
  { additionalProperties: false },
);

export const PolicySetChange = Type.Object(
  {
    kind: Type.Enum(["plan", "tenant", "policy"]),
    /** A plan's or policy's name, a tenant's id. */
    key: Type.String(),
    act: Type.Enum(["create", "update", "delete"]),
  },
  { additionalProperties: false },
);
export type PolicySetChange = Type.Static<typeof PolicySetChange>;

export const PolicySetApplied = Type.Object(
  {
    dryRun: Type.Boolean(),
    changes: Type.Array(PolicySetChange),
    unchanged: Type.Integer({ minimum: 0 }),
    warnings: Type.Array(Warning),
  },
  { additionalProperties: false },
);
export const PolicySetExport = Type.Object(
  { plans: Rows, tenants: Rows, apiPolicies: Rows },
  { additionalProperties: false },
);
