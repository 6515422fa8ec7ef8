// Makes the stored plans, tenants and policies what a set declares. A part of a change (policy-changes.pg.ts).
//
// Promise: all of it or nothing; rows that are as declared are left alone; what the set does not hold stays, unless pruned.
// Temporary overrides are not part of a set. Other writers wait until the change ends.
// Not here: a file's memory of what it wrote (policy-file.pg.ts).
import { isDeepStrictEqual } from "node:util";
import { sql } from "kysely";
import { deletePlan, putPlans } from "./plans.pg.ts";
import { putPolicies, removePolicy } from "./policies.pg.ts";
import type { PolicyTransaction } from "./policy-changes.pg.ts";
import { planColumns, policyColumns } from "./policy-rows.ts";
import type { PolicyEntry, PolicySet, TenantEntry } from "./policy-set.ts";
import type { AppliedRow, SetRows, StoredSet } from "./stored-set.ts";
import { deleteTenant, putTenants } from "./tenants.pg.ts";

export type ApplyOptions = Readonly<{ prune: boolean; defaultTimeZone: string }>;
export type AppliedSet = Readonly<{ rows: readonly AppliedRow[]; unchanged: number }>;

export async function applySet(change: PolicyTransaction, set: PolicySet, options: ApplyOptions): Promise<AppliedSet> {
  await sql`lock table plans, tenants, api_policies in share row exclusive mode`.execute(change.sql);
  const before = await readStored(change);
  const plans = set.plans.filter((plan) => !isSame(before.plan.get(plan.name), planColumns(plan)));
  const tenants = set.tenants.filter((tenant) => !isSame(before.tenant.get(tenant.id), tenantColumns(tenant)));
  const policies = set.policies.filter((policy) => !isSame(before.policy.get(policy.name), policyColumns(policy)));
  await putPlans(change, plans);
  await putTenants(change, tenants, options.defaultTimeZone);
  await putPolicies(change, policies);
  if (options.prune) await prune(change, set, before);
  const after = await readStored(change);
  const declared = set.plans.length + set.tenants.length + set.policies.length;
  return {
    rows: [
      ...changesOf("plan", before.plan, after.plan),
      ...changesOf("tenant", before.tenant, after.tenant),
      ...changesOf("policy", before.policy, after.policy),
    ],
    unchanged: declared - plans.length - tenants.length - policies.length,
  };
}

export async function readStored({ sql: reader }: Pick<PolicyTransaction, "sql">): Promise<StoredSet> {
  const plans = await reader.selectFrom("plans").selectAll().orderBy("name").execute();
  const tenants = await reader
    .selectFrom("tenants")
    .selectAll()
    .where("deleted_at", "is", null)
    .orderBy("id")
    .execute();
  const policies = reader.selectFrom("api_policies").selectAll().where("valid_from", "is", null).orderBy("name");
  return {
    plan: new Map(plans.map((row) => [row.name, row])),
    tenant: new Map(tenants.map((row) => [row.id, row])),
    policy: new Map((await policies.execute()).map((row) => [row.name, row])),
  };
}

/** Policies first and plans last, so that nothing is deleted that something undeclared still refers to. */
async function prune(change: PolicyTransaction, set: PolicySet, stored: StoredSet): Promise<void> {
  const declared = {
    plan: new Set(set.plans.map(({ name }) => name)),
    tenant: new Set(set.tenants.map(({ id }) => id)),
    policy: new Set(set.policies.map(({ name }: PolicyEntry) => name)),
  };
  for (const [name, { id }] of stored.policy) if (!declared.policy.has(name)) await removePolicy(change, id);
  for (const id of stored.tenant.keys()) if (!declared.tenant.has(id)) await deleteTenant(change, id);
  for (const name of stored.plan.keys()) if (!declared.plan.has(name)) await deletePlan(change, name);
}

function tenantColumns({ name, plan, status, timeZone }: TenantEntry): object {
  return { name, plan, status, ...(timeZone !== null && { time_zone: timeZone }) };
}

/** Whether the row holds what the columns say; others may hold anything. */
function isSame(row: object | undefined, columns: object): boolean {
  if (row === undefined) return false;
  const stored = new Map<string, unknown>(Object.entries(row));
  return Object.entries(columns).every(([column, value]) => isDeepStrictEqual(stored.get(column), value));
}

function changesOf<Kind extends keyof SetRows>(
  kind: Kind,
  before: ReadonlyMap<string, SetRows[Kind]>,
  after: ReadonlyMap<string, SetRows[Kind]>,
): AppliedRow[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  const differ = keys.filter((key) => before.get(key)?.etag !== after.get(key)?.etag);
  return differ.map((key) => {
    return { kind, key, before: before.get(key) ?? null, after: after.get(key) ?? null } as AppliedRow;
  });
}
