// API policies and temporary overrides on the wire of the Admin API.
import Type from "typebox";
import { FALLBACK_MODES, SCOPES } from "../limits.ts";
import { Warning } from "../warnings.ts";
import { LimitsBody } from "./limits.ts";
import { Instant, NameText, Nullable, PageOf, PageQuery, PlanNameText, RowFields, TenantIdText } from "./list.ts";

export const PolicyTarget = Type.Union(
  [
    Type.Literal("everyone"),
    Type.Object({ plan: PlanNameText }, { additionalProperties: false }),
    Type.Object({ tenant: TenantIdText }, { additionalProperties: false }),
  ],
  { description: 'everyone, { "plan": NAME } or { "tenant": ID }' },
);
export type PolicyTarget = Type.Static<typeof PolicyTarget>;

/** What an operator writes: the same words as in a policy file. */
const written = {
  name: NameText,
  target: PolicyTarget,
  httpMethod: Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$", description: "An RFC 9110 token, or ANY" }),
  apiPattern: Type.String({ minLength: 1, maxLength: 2_048, pattern: "^/" }),
  scope: Type.Enum(SCOPES),
  limits: LimitsBody,
  enforcement: Type.Optional(Type.Enum(["ENFORCE", "SHADOW"])),
  enabled: Type.Optional(Type.Boolean()),
  fallback: Type.Optional(Nullable(Type.Enum(FALLBACK_MODES))),
};
const validity = {
  validFrom: Type.Optional(Type.String({ maxLength: 64, description: "RFC 3339; absent = now" })),
  validUntil: Type.String({ maxLength: 64, description: "RFC 3339, after validFrom" }),
  reason: Type.String({ minLength: 1, maxLength: 1_000 }),
};
const stored = {
  id: Type.String({ format: "uuid" }),
  name: NameText,
  target: PolicyTarget,
  httpMethod: Type.String(),
  apiPattern: Type.String(),
  scope: Type.Enum(SCOPES),
  limits: LimitsBody,
  enforcement: Type.Enum(["ENFORCE", "SHADOW"]),
  enabled: Type.Boolean(),
  fallback: Nullable(Type.Enum(FALLBACK_MODES)),
  ...RowFields,
};
const storedValidity = { validFrom: Instant, validUntil: Instant, reason: Type.String() };
const strict = { additionalProperties: false };

export const PolicyWrite = Type.Object(written, strict);
export type PolicyWrite = Type.Static<typeof PolicyWrite>;
export const PolicyItem = Type.Object(stored, strict);
export type PolicyItem = Type.Static<typeof PolicyItem>;
export const PolicyWritten = Type.Object({ ...stored, warnings: Type.Array(Warning) }, strict);
export const PolicyList = PageOf(PolicyItem);

export const OverrideWrite = Type.Object({ ...written, ...validity }, strict);
export type OverrideWrite = Type.Static<typeof OverrideWrite>;
export const OverrideItem = Type.Object({ ...stored, ...storedValidity }, strict);
export type OverrideItem = Type.Static<typeof OverrideItem>;
export const OverrideWritten = Type.Object({ ...stored, ...storedValidity, warnings: Type.Array(Warning) }, strict);
export const OverrideList = PageOf(OverrideItem);

export const PolicyParams = Type.Object({ id: Type.String({ format: "uuid", description: "Id of the row" }) }, strict);
export const PolicyListQuery = Type.Object(
  {
    tenant: Type.Optional(TenantIdText),
    plan: Type.Optional(PlanNameText),
    path: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2_048,
        pattern: "^/",
        description: "Only those whose pattern matches it",
      }),
    ),
    ...PageQuery,
  },
  strict,
);
