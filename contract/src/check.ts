// The check on the wire: request, decision, batch. Types are inferred from these schemas and written nowhere else.
// Shapes only: rules that a JSON schema cannot say (code points, canonical paths) are applied at the door (check/).
import Type from "typebox";
import { MAX_COST, SCOPES, WINDOWS } from "./limits.ts";
import { Problem } from "./problem.ts";

export const REASONS = [
  "OK",
  "RATE_LIMIT_EXCEEDED",
  "QUOTA_EXCEEDED",
  "BLOCKED",
  "TENANT_SUSPENDED",
  "TENANT_NOT_FOUND",
  "ALLOW_FALLBACK",
  "STATIC_FALLBACK",
  "BLOCK_FALLBACK",
  "INVALID_REQUEST",
] as const;
export type Reason = (typeof REASONS)[number];

export const MAX_BATCH_CHECKS = 256;
/** Bytes of a single check's body, and of a batch's. */
export const MAX_CHECK_BODY = 16 * 1024;
export const MAX_BATCH_BODY = 1024 * 1024;

// Lengths of strings are code points, as JSON Schema says.
export const CheckRequest = Type.Object(
  {
    tenantId: Type.String({ pattern: "^[A-Za-z0-9._-]{1,64}$", description: "Tenant id, 1-64 of A-Z a-z 0-9 . _ -" }),
    userId: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: "Printable code points" })),
    apiPath: Type.String({ minLength: 1, maxLength: 2048, pattern: "^/", description: "Raw request path" }),
    httpMethod: Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$", description: "RFC 9110 token" }),
    cost: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_COST, default: 1 })),
    requestId: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: "Printable code points" })),
    timestamp: Type.Optional(Type.String({ maxLength: 64, description: "RFC 3339; measured as skew, never counted" })),
  },
  { additionalProperties: false },
);
export type CheckRequest = Type.Static<typeof CheckRequest>;

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Count = Nullable(Type.Integer({ minimum: 0 }));
const Instant = Type.String({ description: "RFC 3339, UTC" });

export const DeniedBy = Type.Object({
  policyId: Type.String(),
  target: Type.Enum(["TENANT", "PLAN", "EVERYONE"]),
  scope: Type.Enum(SCOPES),
  window: Type.Enum(WINDOWS),
  limit: Type.Integer({ minimum: 0 }),
  used: Type.Integer({ minimum: 0 }),
});
export type DeniedBy = Type.Static<typeof DeniedBy>;

export const Remaining = Type.Object({
  perSecond: Count,
  perMinute: Count,
  perDay: Count,
  quotaDaily: Count,
  quotaMonthly: Count,
});
export type Remaining = Type.Static<typeof Remaining>;

export const ResetAt = Type.Object({
  second: Nullable(Instant),
  minute: Nullable(Instant),
  day: Nullable(Instant),
  quotaDay: Nullable(Instant),
  month: Nullable(Instant),
});
export type ResetAt = Type.Static<typeof ResetAt>;

export const Decision = Type.Object({
  allowed: Type.Boolean(),
  reason: Type.Enum(REASONS),
  status: Type.Integer(),
  remaining: Remaining,
  resetAt: ResetAt,
  retryAfterMs: Nullable(Type.Integer({ minimum: 0 })),
  deniedBy: Nullable(DeniedBy),
  shadow: Type.Array(DeniedBy),
  notes: Type.Array(Type.String()),
  policyVersion: Type.Integer({ minimum: 0 }),
  traceId: Type.String(),
  /** Only with INVALID_REQUEST: what is wrong with this item of the batch. */
  problem: Type.Optional(Problem),
});
export type Decision = Type.Static<typeof Decision>;

export const CheckBatch = Type.Object(
  { checks: Type.Array(Type.Unknown(), { minItems: 1, maxItems: MAX_BATCH_CHECKS }) },
  { additionalProperties: false },
);
export const BatchDecisions = Type.Object({ decisions: Type.Array(Decision) });
