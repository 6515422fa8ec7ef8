// Corrections of a tenant's counters on the wire of the Admin API.
import Type from "typebox";
import { MAX_QUOTA, SCOPES, WINDOWS } from "../limits.ts";
import { Nullable } from "./list.ts";

const strict = { additionalProperties: false };
/** Which counter: what it needs follows from the scope. */
const counter = {
  scope: Type.Enum(SCOPES),
  httpMethod: Type.Optional(
    Type.String({ maxLength: 32, description: "As written in the policy; of scopes with API" }),
  ),
  apiPattern: Type.Optional(
    Type.String({ maxLength: 512, description: "As written in the policy; of scopes with API" }),
  ),
  userId: Type.Optional(
    Nullable(
      Type.String({ minLength: 1, maxLength: 128, description: "Of scopes with user; null = calls without one" }),
    ),
  ),
  reason: Type.String({ minLength: 1, maxLength: 1_000 }),
};

export const CounterReset = Type.Object(
  { ...counter, windows: Type.Optional(Type.Array(Type.Enum(WINDOWS), { minItems: 1, maxItems: WINDOWS.length })) },
  strict,
);
export const QuotaGrant = Type.Object(
  {
    ...counter,
    window: Type.Enum(["quotaDay", "month"]),
    amount: Type.Integer({ minimum: 1, maximum: MAX_QUOTA, description: "Taken off what is used, as far as there is" }),
  },
  strict,
);
export const CounterAdjusted = Type.Object(
  {
    windows: Type.Array(
      Type.Object(
        {
          window: Type.Enum(WINDOWS),
          before: Type.Integer({ minimum: 0 }),
          after: Type.Integer({ minimum: 0 }),
        },
        strict,
      ),
    ),
    remainder: Type.Integer({
      minimum: 0,
      description: "Of a grant: what exceeded the usage. Room above a limit is an override's matter",
    }),
  },
  strict,
);

export const PersonParams = Type.Object(
  {
    id: Type.String({ description: "Id of the tenant" }),
    userId: Type.String({ minLength: 1, maxLength: 512, description: "The person, as calls name them in userId" }),
  },
  strict,
);
export const PersonErased = Type.Object(
  { usageRows: Type.Integer({ minimum: 0 }), limitHits: Type.Integer({ minimum: 0 }) },
  strict,
);
