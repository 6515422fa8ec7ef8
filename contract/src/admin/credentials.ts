// Service credentials on the wire of the Admin API. Only the answers that make a secret hold it, and only once.
import Type from "typebox";
import { Instant, NameText, Nullable, PageOf, PageQuery, RowFields, TenantIdText } from "./list.ts";

const strict = { additionalProperties: false };
const LastFour = Type.String({ description: "The last four characters of the secret, for recognising it" });
const Tenants = Nullable(
  Type.Array(TenantIdText, { minItems: 1, maxItems: 1_000, description: "May be asked for; null = every tenant" }),
);

export const MAX_OVERLAP_MS = 30 * 86_400_000;
export const DEFAULT_OVERLAP_MS = 86_400_000;

const fields = {
  id: Type.String({ format: "uuid" }),
  name: NameText,
  tenants: Tenants,
  status: Type.Enum(["ACTIVE", "EXPIRED", "REVOKED"]),
  lastFour: LastFour,
  previous: Nullable(
    Type.Object(
      { lastFour: LastFour, acceptedUntil: Instant },
      { ...strict, description: "The secret before the last rotation, while it is still accepted" },
    ),
  ),
  expiresAt: Nullable(Instant),
  rotatedAt: Nullable(Instant),
  revokedAt: Nullable(Instant),
  lastUsedAt: Type.Union([Instant, Type.Null()], {
    description: "When a check last came with it, to about two minutes; null = never",
  }),
  ...RowFields,
};

export const CredentialItem = Type.Object(fields, strict);
export type CredentialItem = Type.Static<typeof CredentialItem>;
export const CredentialWithSecret = Type.Object(
  { ...fields, secret: Type.String({ description: "To be sent as X-Service-Auth. It is shown this once" }) },
  strict,
);
export const CredentialList = PageOf(CredentialItem);
export const CredentialListQuery = Type.Object(
  { ...PageQuery, revoked: Type.Optional(Type.Boolean({ description: "Shows revoked ones too" })) },
  strict,
);
export const CredentialParams = Type.Object(
  { id: Type.String({ format: "uuid", description: "Id of the credential" }) },
  strict,
);
const ExpiresAt = Nullable(Type.String({ maxLength: 64, description: "RFC 3339 instant to come; null = never" }));
export const CredentialCreate = Type.Object(
  {
    name: NameText,
    tenants: Type.Optional(Tenants),
    expiresAt: Type.Optional(ExpiresAt),
  },
  strict,
);
/** What is absent stays as it is. */
export const CredentialUpdate = Type.Object(
  {
    name: Type.Optional(NameText),
    tenants: Type.Optional(Tenants),
    expiresAt: Type.Optional(ExpiresAt),
  },
  { ...strict, minProperties: 1 },
);
export const CredentialRotate = Type.Object(
  {
    overlapMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_OVERLAP_MS,
        default: DEFAULT_OVERLAP_MS,
        description: "How long the secret until now is still accepted; one from before it is refused at once",
      }),
    ),
  },
  strict,
);
