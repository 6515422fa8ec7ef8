// Parses what an operator declares, in the words of the policy file and the Admin API, and finds every fault of it.
// Pure: plain values in, rows and faults out; each fault says where, what is wrong and what would be right.
// Not here: text and lines (policy-file.ts); whether the database agrees (policy-file.pg.ts).
import {
  FALLBACK_MODES,
  LIMIT_FIELDS,
  type LimitField,
  type Limits,
  MAX_QUOTA,
  MAX_RATE_LIMIT,
  SCOPES,
} from "@sluice/contract";
import { isTenantId, isTimeZone } from "../tenants/tenant.ts";
import { parsePattern } from "./pattern.ts";
import type { Plan, Target } from "./policy.ts";
import type { PolicyEntry, PolicySet, TenantEntry } from "./policy-set.ts";
import { type Fields, Reader, type SetFault } from "./policy-set-reader.ts";

const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;
const PLAN_NAME = /^[A-Za-z0-9._-]{1,64}$/;
const MAX_NAME_LENGTH = 200;

/** A row that the set names and does not hold: right only where it exists already. */
export type SetReference = SetFault & Readonly<{ kind: "PLAN" | "TENANT"; key: string }>;

export type ParsedSet = Readonly<{
  /** With faults it is incomplete. */
  set: PolicySet;
  faults: readonly SetFault[];
  references: readonly SetReference[];
}>;

export function parsePolicySet(value: unknown): ParsedSet {
  const reader = new Reader();
  const top = reader.fields(value, [], ["plans", "tenants", "apiPolicies"]);
  const plans = reader.list(top, "plans", (item) => parsePlan(reader, item));
  const tenants = reader.list(top, "tenants", (item) => parseTenant(reader, item));
  const policies = reader.list(top, "apiPolicies", (item) => parsePolicy(reader, item));
  reader.distinct(plans, "name", "name", ({ name }) => name);
  reader.distinct(tenants, "id", "id", ({ id }) => id);
  reader.distinct(policies, "name", "name", ({ name }) => name);
  reader.distinct(policies, "name", "target, httpMethod, apiPattern, scope and enforcement", keyOf);
  const set = { plans, tenants, policies };
  return { set, faults: reader.faults, references: [...referencesOf(set, reader)] };
}

/** What makes two policies the same rule. */
function keyOf({ target, httpMethod, apiPattern, scope, enforcement }: PolicyEntry): string {
  return JSON.stringify([target, httpMethod, apiPattern, scope, enforcement]);
}

function* referencesOf({ plans, tenants, policies }: PolicySet, { sound }: Reader): Generator<SetReference> {
  const held = { PLAN: new Set(plans.map(({ name }) => name)), TENANT: new Set(tenants.map(({ id }) => id)) };
  for (const item of [...tenants, ...policies]) {
    const path = sound.get(item);
    const named = "target" in item ? targetNamed(item.target) : { kind: "PLAN" as const, key: item.plan, at: ["plan"] };
    if (path === undefined || named === null || held[named.kind].has(named.key)) continue;
    const { kind, key, at } = named;
    const problem = `names the ${kind === "PLAN" ? "plan" : "tenant"} ${key}, which does not exist: declare it`;
    yield { kind, key, path: [...path, ...at], problem };
  }
}

function targetNamed(target: Target): Readonly<{ kind: "PLAN" | "TENANT"; key: string; at: string[] }> | null {
  if (target.kind === "PLAN") return { kind: target.kind, key: target.plan, at: ["target", "plan"] };
  return target.kind === "TENANT" ? { kind: target.kind, key: target.tenant, at: ["target", "tenant"] } : null;
}

function parsePlan(reader: Reader, item: Fields): Plan {
  reader.know(item, ["name", "limits"]);
  const name = reader.text(item, "name", (text) => PLAN_NAME.test(text), "1 to 64 of A-Z a-z 0-9 . _ -");
  return { name, limits: parseLimits(reader, item) };
}

function parseTenant(reader: Reader, item: Fields): TenantEntry {
  reader.know(item, ["id", "name", "plan", "timeZone", "status"]);
  const id = reader.text(item, "id", isTenantId, "1 to 64 of A-Z a-z 0-9 . _ -");
  const zone = reader.optionalText(item, "timeZone", isTimeZone, "an IANA name, such as Asia/Seoul");
  return {
    id,
    name: reader.optionalText(item, "name", isName, NAME_RULE) ?? id,
    plan: reader.text(item, "plan", (text) => PLAN_NAME.test(text), "the name of a plan"),
    status: reader.oneOf(item, "status", ["ACTIVE", "SUSPENDED"], "ACTIVE"),
    timeZone: zone,
  };
}

function parsePolicy(reader: Reader, item: Fields): PolicyEntry {
  const known = ["name", "target", "httpMethod", "apiPattern", "scope", "limits", "enforcement", "enabled", "fallback"];
  reader.know(item, known);
  const method = reader.text(item, "httpMethod", (text) => METHOD.test(text), "an HTTP method such as POST, or ANY");
  return {
    name: reader.text(item, "name", isName, NAME_RULE),
    target: parseTarget(reader, item),
    httpMethod: method.toUpperCase(),
    apiPattern: parseApiPattern(reader, item),
    scope: reader.oneOf(item, "scope", SCOPES),
    limits: parseLimits(reader, item),
    enforcement: reader.oneOf(item, "enforcement", ["ENFORCE", "SHADOW"], "ENFORCE"),
    enabled: reader.flag(item, "enabled", true),
    fallback: item.value.fallback == null ? null : reader.oneOf(item, "fallback", FALLBACK_MODES),
    validity: null,
    reason: null,
  };
}

function parseTarget(reader: Reader, item: Fields): Target {
  const everyone: Target = { kind: "EVERYONE" };
  const { target } = item.value;
  if (target === "everyone") return everyone;
  const expected = "must be everyone, { plan: NAME } or { tenant: ID }";
  const isMapping = typeof target === "object" && target !== null;
  const [kind, ...more] = isMapping ? Object.keys(target) : [];
  if (!isMapping || (kind !== "plan" && kind !== "tenant") || more.length > 0) {
    reader.fault(item, "target", expected);
    return everyone;
  }
  const inner = { value: target as Record<string, unknown>, path: [...item.path, "target"] };
  if (kind === "plan") {
    return { kind: "PLAN", plan: reader.text(inner, kind, (text) => PLAN_NAME.test(text), "the name of a plan") };
  }
  return { kind: "TENANT", tenant: reader.text(inner, kind, isTenantId, "the id of a tenant") };
}

function parseApiPattern(reader: Reader, item: Fields): string {
  const text = reader.text(item, "apiPattern", (pattern) => pattern.startsWith("/"), "a pattern that begins with /");
  if (!text.startsWith("/")) return "/";
  const parsed = parsePattern(text);
  if (parsed.kind === "pattern") return parsed.canonical;
  for (const fault of parsed.faults) reader.fault(item, "apiPattern", fault);
  return "/";
}

function parseLimits(reader: Reader, item: Fields): Limits {
  if (item.value.limits === undefined) {
    reader.fault(item, "limits", "is missing: give at least one of ".concat(LIMIT_FIELDS.join(", ")));
    return {};
  }
  const inner = reader.fields(item.value.limits, [...item.path, "limits"], LIMIT_FIELDS);
  const limits: Partial<Record<LimitField, number>> = {};
  for (const field of LIMIT_FIELDS) {
    const value = inner.value[field];
    if (value == null) continue;
    const most = field.startsWith("quota") ? MAX_QUOTA : MAX_RATE_LIMIT;
    if (typeof value === "number" && Number.isInteger(value) && value >= -1 && value <= most) limits[field] = value;
    else reader.fault(inner, field, `must be an integer from 1 to ${most}, or 0 (blocked), or -1 (unlimited)`);
  }
  return limits;
}

const NAME_RULE = `1 to ${MAX_NAME_LENGTH} characters`;
function isName(text: string): boolean {
  return text.length >= 1 && text.length <= MAX_NAME_LENGTH;
}
