// Reads plans, tenants and policies for the Admin API: one row, or a page of them in the order of their key.
// `lock` reads a row FOR UPDATE inside a change, so that its ETag still holds when the change is written.
// Lists fetch one row more than the page, which tells whether there is another.
import { type Kysely, type Selectable, sql } from "kysely";
import { Refusal } from "../platform/refusal.ts";
import { normalisePath } from "./path.ts";
import { patternMatches } from "./pattern.ts";
import type { TenantStatus } from "./policy.ts";
import type { ApiPolicyTable, PlanTable, PolicyTables, TenantTable } from "./policy-tables.ts";

type Reader = Kysely<PolicyTables>;
type Lock = "lock" | "read";
export type PageWish = Readonly<{ after: string | null; limit: number }>;

export async function findPlan(reader: Reader, name: string, lock: Lock): Promise<Selectable<PlanTable>> {
  let query = reader.selectFrom("plans").selectAll().where("name", "=", name);
  if (lock === "lock") query = query.forUpdate();
  return (await query.executeTakeFirst()) ?? notFound(`plan ${name}`);
}

export async function listPlans(reader: Reader, { after, limit }: PageWish): Promise<Selectable<PlanTable>[]> {
  let query = reader.selectFrom("plans").selectAll();
  if (after !== null) query = query.where("name", ">", after);
  return await query
    .orderBy("name")
    .limit(limit + 1)
    .execute();
}

export async function findTenant(reader: Reader, id: string, lock: Lock): Promise<Selectable<TenantTable>> {
  let query = reader.selectFrom("tenants").selectAll().where("id", "=", id).where("deleted_at", "is", null);
  if (lock === "lock") query = query.forUpdate();
  return (await query.executeTakeFirst()) ?? notFound(`tenant ${id}`);
}

export type TenantWish = PageWish &
  Readonly<{ ids: readonly string[] | null; plan: string | null; status: TenantStatus | null }>;

export async function listTenants(reader: Reader, wish: TenantWish): Promise<Selectable<TenantTable>[]> {
  let query = reader.selectFrom("tenants").selectAll().where("deleted_at", "is", null);
  if (wish.after !== null) query = query.where("id", ">", wish.after);
  if (wish.ids !== null) query = query.where("id", "in", [...wish.ids, ""]);
  if (wish.status !== null) query = query.where("status", "=", wish.status);
  if (wish.plan !== null) {
    const inForce = sql<string>`case when next_plan_at <= now() then next_plan else plan end`;
    query = query.where(inForce, "=", wish.plan);
  }
  return await query
    .orderBy("id")
    .limit(wish.limit + 1)
    .execute();
}

/** Overrides are policies with a validity; each is found only as what it is. */
export type PolicyKind = "policy" | "override";

export async function findPolicy(
  reader: Reader,
  kind: PolicyKind,
  id: string,
  lock: Lock,
): Promise<Selectable<ApiPolicyTable>> {
  let query = reader
    .selectFrom("api_policies")
    .selectAll()
    .where("id", "=", id)
    .where("valid_from", kind === "policy" ? "is" : "is not", null);
  if (lock === "lock") query = query.forUpdate();
  return (await query.executeTakeFirst()) ?? notFound(`${kind} ${id}`);
}

export type PolicyWish = PageWish &
  Readonly<{ kind: PolicyKind; tenants: readonly string[] | null; plan: string | null }>;

export async function listPolicies(reader: Reader, wish: PolicyWish): Promise<Selectable<ApiPolicyTable>[]> {
  let query = reader
    .selectFrom("api_policies")
    .selectAll()
    .where("valid_from", wish.kind === "policy" ? "is" : "is not", null);
  if (wish.after !== null) query = query.where("name", ">", wish.after);
  if (wish.tenants !== null) query = query.where("target_tenant", "in", [...wish.tenants, ""]);
  if (wish.plan !== null) query = query.where("target_plan", "=", wish.plan);
  return await query
    .orderBy("name")
    .limit(wish.limit + 1)
    .execute();
}

/** Rows looked through for each page of policies that match a path. */
const ROWS_PER_LOOK = 500;

/** `path` null = whatever they match. */
export async function listMatchingPolicies(
  reader: Reader,
  wish: PolicyWish & Readonly<{ path: string | null }>,
): Promise<Selectable<ApiPolicyTable>[]> {
  if (wish.path === null) return await listPolicies(reader, wish);
  const path = normalisePath(wish.path);
  if (path.kind === "malformed") {
    const errors = [{ pointer: "/path", detail: path.detail }];
    throw new Refusal("INVALID_REQUEST", "The path is malformed.", { errors });
  }
  const found: Selectable<ApiPolicyTable>[] = [];
  for (let { after } = wish; ; ) {
    const rows = await listPolicies(reader, { ...wish, after, limit: ROWS_PER_LOOK });
    found.push(...rows.filter((row) => patternMatches(row.api_pattern, path.segments)));
    const last = rows.at(-1);
    if (found.length > wish.limit || rows.length <= ROWS_PER_LOOK || last === undefined) break;
    after = last.name;
  }
  return found.slice(0, wish.limit + 1);
}

function notFound(what: string): never {
  throw new Refusal("NOT_FOUND", `There is no ${what}.`);
}
