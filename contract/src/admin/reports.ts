// What happened, on the wire of the Admin API: usage, refusals, the audit trail.
import Type from "typebox";
import { REASONS } from "../check.ts";
import { SCOPES, WINDOWS } from "../limits.ts";
import { Instant, Nullable, PageOf, PageQuery, TenantIdText } from "./list.ts";

const strict = { additionalProperties: false };
const InstantText = Type.String({ maxLength: 64, description: "RFC 3339" });
const UserText = Type.String({
  minLength: 1,
  maxLength: 128,
  description: "Only this caller's, as calls name it in userId",
});
const ApiText = Type.String({ minLength: 1, maxLength: 600, description: "Only this API's: method and pattern" });

const usageQuery = {
  tenant: Type.Optional(TenantIdText),
  user: Type.Optional(UserText),
  api: Type.Optional(ApiText),
  groupBy: Type.Optional(
    Type.Enum(["tenant", "user", "api"], { description: "What one item sums up; by default a tenant" }),
  ),
  format: Type.Optional(Type.Enum(["json", "csv"], { description: "csv = everything in one file, without pages" })),
  ...PageQuery,
};
const DayText = Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\d$", description: "A date in the tenant's time zone" });
const MonthText = Type.String({ pattern: "^\\d{4}-\\d\\d$", description: "A month in the tenant's time zone" });

/** Without from and to: the last 30 days, today included. */
export const DailyUsageQuery = Type.Object(
  { ...usageQuery, from: Type.Optional(DayText), to: Type.Optional(DayText) },
  strict,
);
/** Without from and to: the last 12 months, this one included. */
export const MonthlyUsageQuery = Type.Object(
  { ...usageQuery, from: Type.Optional(MonthText), to: Type.Optional(MonthText) },
  strict,
);

export const UsageItem = Type.Object(
  {
    tenantId: Type.String(),
    userId: Nullable(Type.String({ description: "null unless grouped by user" })),
    api: Nullable(Type.String({ description: "null unless grouped by API" })),
    period: Type.String(),
    total: Type.Integer({ minimum: 0, description: "Cost of the checks that were allowed" }),
    denied: Type.Integer({ minimum: 0, description: "How many checks were refused" }),
  },
  strict,
);
export type UsageItem = Type.Static<typeof UsageItem>;
export const UsagePage = Type.Object(
  {
    ...PageOf(UsageItem).properties,
    source: Type.Enum(["primary", "replica"]),
    lagMs: Type.Integer({ minimum: 0, description: "How old the answer may be at most" }),
  },
  strict,
);

export const LimitHitQuery = Type.Object(
  {
    tenant: Type.Optional(TenantIdText),
    user: Type.Optional(UserText),
    api: Type.Optional(ApiText),
    reason: Type.Optional(Type.Enum(REASONS, { description: "Only what was refused for it" })),
    from: Type.Optional(InstantText),
    to: Type.Optional(InstantText),
    ...PageQuery,
  },
  strict,
);
export const LimitHitItem = Type.Object(
  {
    tenantId: Type.String(),
    userId: Type.String(),
    api: Type.String(),
    reason: Type.Enum(REASONS),
    window: Nullable(Type.Enum(WINDOWS)),
    policyId: Nullable(Type.String()),
    scope: Nullable(Type.Enum(SCOPES)),
    minute: Instant,
    hits: Type.Integer({ minimum: 1 }),
    cost: Type.Integer({ minimum: 0 }),
    firstAt: Instant,
    lastAt: Instant,
  },
  strict,
);
export const LimitHitPage = PageOf(LimitHitItem);

export const AuditQuery = Type.Object(
  {
    tenant: Type.Optional(TenantIdText),
    actorId: Type.Optional(Type.String({ maxLength: 256, description: "Only what this user did, by id" })),
    action: Type.Optional(Type.String({ maxLength: 64, description: "Such as plan.update" })),
    resourceKind: Type.Optional(Type.String({ maxLength: 64, description: "Such as plan, tenant, policy, user" })),
    resourceId: Type.Optional(Type.String({ maxLength: 256, description: "Id or name of the changed row" })),
    from: Type.Optional(InstantText),
    to: Type.Optional(InstantText),
    format: Type.Optional(
      Type.Enum(["json", "ndjson"], {
        description: "ndjson = everything, one row a line, oldest first, without pages",
      }),
    ),
    ...PageQuery,
  },
  strict,
);
const OptionalText = Nullable(Type.String());
export const AuditItem = Type.Object(
  {
    format: Type.Integer(),
    seq: Type.Integer({ minimum: 1 }),
    at: Instant,
    actor: Type.Object(
      { kind: Type.Enum(["USER", "SYSTEM", "ANONYMOUS"]), id: OptionalText, login: OptionalText, role: OptionalText },
      strict,
    ),
    action: Type.String(),
    resource: Type.Object({ kind: Type.String(), id: OptionalText }, strict),
    tenant: OptionalText,
    address: OptionalText,
    userAgent: OptionalText,
    requestId: OptionalText,
    outcome: Type.Enum(["DONE", "REFUSED"]),
    before: Type.Unknown(),
    after: Type.Unknown(),
    previousHash: Type.String(),
    hash: Type.String(),
  },
  strict,
);
export const AuditPage = PageOf(AuditItem);
