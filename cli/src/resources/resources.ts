// Every resource of the Admin API that has commands of its own. What the schemas of the contract allow and this table does
// not, the test beside it finds.
import { FALLBACK_MODES, REASONS, SCOPES, WINDOWS } from "@sluice/contract";
import { FIRST_ADMIN } from "../first-admin.ts";
import type { Field } from "./field.ts";
import type { Resource } from "./resource.ts";

const NAME: Field = { kind: "text", name: "name", word: "name", about: "what people call it" };
const PLAN: Field = { kind: "text", name: "plan", word: "name", about: "name of a plan" };
const TENANT: Field = { kind: "text", name: "tenant", word: "id", about: "only of this tenant" };
const USER: Field = { kind: "text", name: "user", word: "id", about: "only of this user" };
const API: Field = { kind: "text", name: "api", word: "name", about: "only of this API" };
const FROM: Field = { kind: "text", name: "from", word: "instant", about: "RFC 3339: at or after" };
const TO: Field = { kind: "text", name: "to", word: "instant", about: "RFC 3339: before" };
const STATUS: Field = { kind: "choice", name: "status", of: ["ACTIVE", "SUSPENDED"], about: "whether it may call" };
const TIME_ZONE: Field = { kind: "text", name: "timeZone", word: "name", about: "IANA name, such as Asia/Seoul" };
const LIMITS: Field = { kind: "limits", name: "limits", about: "limits" };
const REASON: Field = { kind: "text", name: "reason", word: "text", about: "why, for the audit trail", required: true };
const TENANTS: Field = { kind: "tenants", name: "tenants", about: "tenants it is bound to (default: all)" };
const ROLE: Field = {
  kind: "choice",
  name: "role",
  of: ["ADMIN", "OPERATOR", "VIEWER"],
  about: "what the user may do",
};
const PASSWORD: Field = { kind: "password", name: "password", about: "the password" };
const SCOPE: Field = { kind: "choice", name: "scope", of: SCOPES, about: "what shares a counter", required: true };

const POLICY_FIELDS: readonly Field[] = [
  { kind: "target", name: "target", about: "whom it is for", required: true },
  { kind: "text", name: "httpMethod", word: "method", about: "HTTP method, or ANY", required: true },
  { kind: "text", name: "apiPattern", word: "pattern", about: "such as /v1/report/*, or /v1/**", required: true },
  SCOPE,
  LIMITS,
  { kind: "choice", name: "enforcement", of: ["ENFORCE", "SHADOW"], about: "SHADOW only watches (default ENFORCE)" },
  { kind: "flag", name: "enabled", about: "false keeps it without force (default true)" },
  { kind: "choice", name: "fallback", of: FALLBACK_MODES, none: true, about: "when counters are away" },
];
const OVERRIDE_FIELDS: readonly Field[] = [
  ...POLICY_FIELDS,
  { kind: "text", name: "validFrom", word: "instant", about: "RFC 3339 (default: now)" },
  { kind: "text", name: "validUntil", word: "instant", about: "RFC 3339", required: true },
  REASON,
];
const POLICY_FILTERS: readonly Field[] = [
  { ...TENANT, about: "only for this tenant" },
  { ...PLAN, about: "only for this plan" },
  { kind: "text", name: "path", word: "path", about: "only those whose pattern matches this path" },
];
const POLICY_COLUMNS = ["name", "target", "httpMethod", "apiPattern", "scope", "limits", "enforcement", "enabled"];

const COUNTER_FIELDS: readonly Field[] = [
  SCOPE,
  { kind: "text", name: "httpMethod", word: "method", about: "as in the policy; of scopes with API" },
  { kind: "text", name: "apiPattern", word: "pattern", about: "as in the policy; of scopes with API" },
  { kind: "text", name: "userId", word: "id", about: "of scopes with user; absent = calls without one" },
];

const REMOVE = { word: "delete", needsEtag: true } as const;

export const RESOURCES: readonly Resource[] = [
  {
    ...{ name: "tenants", one: "tenant", about: "Customers and their plans", path: "/admin/tenants", id: "id" },
    columns: ["id", "name", "plan", "status", "timeZone", "nextPlan"],
    filters: [{ ...PLAN, about: "only of this plan" }, STATUS],
    hasRows: true,
    create: { key: "id", fields: [{ ...PLAN, required: true }, NAME, STATUS, TIME_ZONE] },
    update: { method: "PATCH", fields: [NAME, STATUS, TIME_ZONE] },
    remove: { ...REMOVE, about: "Delete a tenant that no policy targets" },
    acts: [
      {
        ...{ word: "plan", about: "Change the plan, now or later; usage carries over", method: "PUT", path: "/plan" },
        argument: PLAN,
        fields: [{ kind: "text", name: "at", word: "instant", about: "RFC 3339, to come (default: now)" }],
        needsEtag: true,
      },
      {
        ...{ word: "reset-counter", about: "Set a counter to nothing used", method: "POST", path: "/counters/reset" },
        fields: [
          ...COUNTER_FIELDS,
          { kind: "list", name: "windows", word: "names", about: `some of ${WINDOWS.join(",")} (default: all)` },
          REASON,
        ],
        needsEtag: false,
      },
      {
        ...{ word: "grant", about: "Take an amount off a used quota", method: "POST", path: "/counters/grant" },
        fields: [
          ...COUNTER_FIELDS,
          { kind: "choice", name: "window", of: ["quotaDay", "month"], about: "which quota", required: true },
          { kind: "integer", name: "amount", word: "cost", about: "how much", required: true },
          REASON,
        ],
        needsEtag: false,
      },
      {
        ...{ word: "erase-user", about: "Erase a person from usage and limit hits; the sums stay", method: "DELETE" },
        ...{ path: "/users/{}", fields: [], needsEtag: false },
        argument: { kind: "text", name: "userId", word: "id", about: "as calls name the user" },
      },
    ],
  },
  {
    ...{ name: "plans", one: "plan", about: "Named default limits", path: "/admin/plans", id: "name" },
    columns: ["name", "limits"],
    filters: [],
    hasRows: true,
    create: { key: "name", fields: [LIMITS] },
    update: { method: "PUT", fields: [LIMITS] },
    remove: { ...REMOVE, about: "Delete a plan that nobody uses" },
  },
  {
    ...{ name: "policies", one: "policy", about: "Limits for a target, a method and a path pattern" },
    ...{ path: "/admin/api-policies", id: "id", alias: "name" },
    columns: [...POLICY_COLUMNS, "id"],
    filters: POLICY_FILTERS,
    hasRows: true,
    create: { key: "name", fields: POLICY_FIELDS },
    update: { method: "PUT", fields: [NAME, ...POLICY_FIELDS] },
    remove: { ...REMOVE, about: "Delete a policy" },
  },
  {
    ...{ name: "overrides", one: "override", about: "Policies with an end and a reason" },
    ...{ path: "/admin/overrides", id: "id", alias: "name" },
    columns: [...POLICY_COLUMNS, "validFrom", "validUntil", "reason", "id"],
    filters: POLICY_FILTERS,
    hasRows: true,
    create: { key: "name", fields: OVERRIDE_FIELDS },
    update: { method: "PUT", fields: [NAME, ...OVERRIDE_FIELDS] },
    remove: { ...REMOVE, about: "Delete an override" },
  },
  {
    ...{ name: "users", one: "user", about: "Who may administrate", path: "/admin/users", id: "id", alias: "loginId" },
    columns: ["loginId", "role", "tenants", "disabled", "id"],
    filters: [],
    hasRows: true,
    create: { key: "loginId", fields: [{ ...ROLE, required: true }, PASSWORD, TENANTS], instead: FIRST_ADMIN },
    update: {
      method: "PATCH",
      fields: [ROLE, PASSWORD, TENANTS, { kind: "flag", name: "disabled", about: "true ends the sessions at once" }],
    },
    remove: { ...REMOVE, about: "Delete a user, and end the sessions" },
  },
  {
    ...{ name: "credentials", one: "credential", about: "What callers of checks prove themselves by" },
    ...{ path: "/admin/service-credentials", id: "id", alias: "name" },
    columns: ["name", "status", "tenants", "lastFour", "previous", "expiresAt", "lastUsedAt", "id"],
    filters: [{ kind: "flag", name: "revoked", about: "true shows revoked ones too" }],
    hasRows: true,
    create: {
      key: "name",
      fields: [
        { ...TENANTS, about: "tenants it may ask for (default: all)" },
        { kind: "text", name: "expiresAt", word: "instant", about: "RFC 3339, to come (default: never)" },
      ],
    },
    update: {
      method: "PATCH",
      fields: [
        NAME,
        { ...TENANTS, about: "tenants it may ask for, or all" },
        { kind: "text", name: "expiresAt", word: "instant", none: true, about: "RFC 3339, to come, or none: never" },
      ],
    },
    remove: { word: "revoke", needsEtag: true, about: "Refuse it from now on, for good" },
    acts: [
      {
        ...{ word: "rotate", about: "Make another secret, and accept both for a while", method: "POST" },
        ...{ path: "/rotate", needsEtag: true },
        fields: [
          {
            kind: "integer",
            name: "overlapMs",
            word: "milliseconds",
            about: "of the secret until now (default: a day)",
          },
        ],
      },
    ],
  },
  {
    ...{ name: "limit-hits", one: "limit-hit", about: "What was refused, folded by the minute" },
    ...{ path: "/admin/limit-hit-logs", id: "minute", hasRows: false },
    columns: ["minute", "tenantId", "userId", "api", "reason", "window", "hits", "cost", "lastAt"],
    filters: [TENANT, USER, API, { kind: "choice", name: "reason", of: REASONS, about: "only these" }, FROM, TO],
  },
  {
    ...{ name: "audit-logs", one: "audit-log", about: "Who changed what (`audit verify` proves it)" },
    ...{ path: "/admin/audit-logs", id: "seq", hasRows: false },
    columns: ["seq", "at", "actor", "action", "resource", "tenant", "outcome", "address"],
    filters: [
      TENANT,
      { kind: "text", name: "actorId", word: "id", about: "only by this user" },
      { kind: "text", name: "action", word: "name", about: "such as tenant.update" },
      { kind: "text", name: "resourceKind", word: "kind", about: "such as tenant" },
      { kind: "text", name: "resourceId", word: "id", about: "only of this row" },
      FROM,
      TO,
    ],
  },
];
