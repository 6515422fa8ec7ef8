// Who refers to whom: what a write names must exist, and what is referred to must stay.
// Rows that a write relies on are locked against deletion until it commits. Not here: the writes.

import { Refusal } from "../platform/refusal.ts";
import type { PolicyTransaction } from "./policy-changes.pg.ts";

/** Users named in a refusal; the rest are counted. */
const NAMED_USERS = 5;

/** Refuses unless all these plans exist. */
export async function requirePlans({ sql }: PolicyTransaction, names: Iterable<string>): Promise<void> {
  const wanted = [...new Set(names)];
  if (wanted.length === 0) return;
  const found = await sql.selectFrom("plans").select("name").where("name", "in", wanted).forKeyShare().execute();
  refuseMissing("plan", wanted, new Set(found.map(({ name }) => name)));
}

/** Refuses unless all these tenants exist and are not deleted. */
export async function requireTenants({ sql }: PolicyTransaction, ids: Iterable<string>): Promise<void> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return;
  const alive = sql.selectFrom("tenants").select("id").where("id", "in", wanted).where("deleted_at", "is", null);
  refuseMissing("tenant", wanted, new Set((await alive.forShare().execute()).map(({ id }) => id)));
}

/** Refuses while tenants have the plan, now or scheduled, or policies target it. */
export async function refusePlanInUse({ sql }: PolicyTransaction, name: string): Promise<void> {
  const tenants = sql
    .selectFrom("tenants")
    .select("id")
    .where((row) => row.or([row("plan", "=", name), row("next_plan", "=", name)]))
    .orderBy("id");
  const policies = sql.selectFrom("api_policies").select("name").where("target_plan", "=", name).orderBy("name");
  const users = [
    ...(await tenants.execute()).map(({ id }) => `tenant ${id}`),
    ...(await policies.execute()).map((policy) => `policy ${policy.name}`),
  ];
  if (users.length > 0) refuseInUse(`Plan ${name}`, users, "Give them another plan first.");
}

/** Refuses while policies target the tenant, or callers are bound to it: its id may be another customer's one day. */
export async function refuseTenantInUse({ sql }: PolicyTransaction, id: string): Promise<void> {
  const policies = sql.selectFrom("api_policies").select("name").where("target_tenant", "=", id).orderBy("name");
  const credentials = sql
    .selectFrom("service_credentials")
    .select("name")
    .where("revoked_at", "is", null)
    .where((row) => row(row.val(id), "=", row.fn.any("tenants")))
    .orderBy("name");
  const users = [
    ...(await policies.execute()).map(({ name }) => `policy ${name}`),
    ...(await credentials.execute()).map(({ name }) => `service credential ${name}`),
  ];
  if (users.length > 0) refuseInUse(`Tenant ${id}`, users, "Delete or revoke them first.");
}

function refuseMissing(kind: string, wanted: readonly string[], found: ReadonlySet<string>): void {
  const missing = wanted.filter((key) => !found.has(key));
  if (missing.length === 0) return;
  throw new Refusal("UNKNOWN_REFERENCE", `There is no ${kind} ${nameSome(missing)}: create it first.`);
}

function refuseInUse(what: string, users: readonly string[], fix: string): never {
  throw new Refusal("IN_USE", `${what} is in use by ${nameSome(users)}. ${fix}`);
}

function nameSome(names: readonly string[]): string {
  const named = names.slice(0, NAMED_USERS).join(", ");
  return names.length > NAMED_USERS ? `${named} and ${names.length - NAMED_USERS} more` : named;
}
