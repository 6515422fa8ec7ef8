// Stores tenants. Every function is a part of a change (policy-changes.pg.ts).
// A deleted tenant's id stays reserved until the month it was deleted in has closed, in its zone: its usage is still being
// counted and billed under that id. Not here: which ids and zones are valid (../tenants/tenant.ts).
import { type Expression, sql } from "kysely";
import { periodsAt } from "../limits/quota-period.ts";
import { Refusal } from "../platform/refusal.ts";
import type { PolicyTransaction } from "./policy-changes.pg.ts";
import type { TenantEntry } from "./policy-set.ts";
import { refuseTenantInUse, requirePlans } from "./references.pg.ts";
import { inStatements, proposed } from "./row-writes.pg.ts";

/**
 * Creates tenants or replaces them; the new etags by id. A plan change scheduled for later stays.
 * `defaultTimeZone` goes to new tenants that name none. Refused for an id that is still reserved.
 */
export async function putTenants(
  change: PolicyTransaction,
  tenants: readonly TenantEntry[],
  defaultTimeZone: string,
): Promise<Map<string, string>> {
  const etags = new Map<string, string>();
  for (const some of inStatements(tenants)) {
    await requirePlans(
      change,
      some.map(({ plan }) => plan),
    );
    const zoned = some.filter(({ timeZone }) => timeZone !== null);
    const unzoned = some.filter(({ timeZone }) => timeZone === null);
    await put(change, zoned, defaultTimeZone, sql<string>`excluded.time_zone`, etags);
    await put(change, unzoned, defaultTimeZone, ZONE_KEPT, etags);
  }
  const reserved = tenants.find(({ id }) => !etags.has(id));
  if (reserved !== undefined) {
    const why = `The id ${reserved.id} belonged to a deleted tenant and is reserved until that tenant's month has closed`;
    throw new Refusal("RESERVED", `${why}: choose another id, or wait.`);
  }
  return etags;
}

/** Refused where the id is taken, or reserved since another tenant of that id was deleted. */
export async function createTenant(
  change: PolicyTransaction,
  tenant: TenantEntry,
  defaultTimeZone: string,
): Promise<void> {
  await requirePlans(change, [tenant.plan]);
  // The insert of another transaction is waited for here, so that the look below sees it.
  const created = await change.sql
    .insertInto("tenants")
    .values({
      id: tenant.id,
      name: tenant.name,
      plan: tenant.plan,
      status: tenant.status,
      time_zone: tenant.timeZone ?? defaultTimeZone,
    })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .returning("id")
    .executeTakeFirst();
  if (created === undefined) {
    const alive = await change.sql
      .selectFrom("tenants")
      .select("id")
      .where("id", "=", tenant.id)
      .where("deleted_at", "is", null)
      .forUpdate()
      .executeTakeFirst();
    if (alive !== undefined) throw new Refusal("TAKEN", `There is a tenant ${tenant.id} already.`);
    await putTenants(change, [tenant], defaultTimeZone);
  }
  change.touch("TENANT", tenant.id);
}

/** Gives the tenant a plan, now or at `atMs` (UTC); either takes the place of a change scheduled before. */
export async function setTenantPlan(
  change: PolicyTransaction,
  id: string,
  plan: string,
  atMs: number | null,
): Promise<void> {
  await requirePlans(change, [plan]);
  // A scheduled change whose instant has passed is already in force: it is the plan that goes on until `atMs`.
  const inForce = sql<string>`case when next_plan_at <= now() then next_plan else plan end`;
  const columns =
    atMs === null
      ? { plan, next_plan: null, next_plan_at: null }
      : { plan: inForce, next_plan: plan, next_plan_at: new Date(atMs) };
  const updated = await change.sql
    .updateTable("tenants")
    .set(columns)
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .returning("id")
    .executeTakeFirst();
  if (updated === undefined) throw notFound(id);
  change.touch("TENANT", id);
}

/** Refused while policies target it, naming them. */
export async function deleteTenant(change: PolicyTransaction, id: string): Promise<void> {
  const tenant = await change.sql
    .selectFrom("tenants")
    .select(["time_zone", sql<Date>`now()`.as("now")])
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .forUpdate()
    .executeTakeFirst();
  if (tenant === undefined) throw notFound(id);
  await refuseTenantInUse(change, id);
  const monthEndMs = periodsAt(tenant.time_zone, tenant.now.getTime()).month.current.endMs;
  await change.sql
    .updateTable("tenants")
    .set({
      plan: null,
      next_plan: null,
      next_plan_at: null,
      deleted_at: tenant.now,
      reserved_until: new Date(monthEndMs),
    })
    .where("id", "=", id)
    .execute();
  change.touch("TENANT", id);
}

/** Of a tenant that names no zone: what it has, or the default when the row is that of a deleted one. */
const ZONE_KEPT = sql<string>`case when tenants.deleted_at is null then tenants.time_zone else excluded.time_zone end`;

/** Adds the etags of what was written: of every tenant but the reserved ones. */
async function put(
  change: PolicyTransaction,
  tenants: readonly TenantEntry[],
  defaultTimeZone: string,
  timeZone: Expression<string>,
  etags: Map<string, string>,
): Promise<void> {
  if (tenants.length === 0) return;
  const rows = tenants.map(({ id, name, plan, status, timeZone }) => {
    return { id, name, plan, status, time_zone: timeZone ?? defaultTimeZone };
  });
  const written = await change.sql
    .insertInto("tenants")
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .column("id")
        .doUpdateSet({
          ...proposed(["name", "plan", "status"]),
          time_zone: timeZone,
          // A scheduled change that is already in force has been overruled; a later one stays.
          next_plan: sql`case when tenants.next_plan_at > now() then tenants.next_plan end`,
          next_plan_at: sql`case when tenants.next_plan_at > now() then tenants.next_plan_at end`,
          deleted_at: null,
          reserved_until: null,
        })
        .where((row) =>
          row.or([row("tenants.deleted_at", "is", null), row("tenants.reserved_until", "<=", sql<Date>`now()`)]),
        ),
    )
    .returning(["id", "etag"])
    .execute();
  for (const { id, etag } of written) {
    etags.set(id, etag);
    change.touch("TENANT", id);
  }
}

function notFound(id: string): Refusal {
  return new Refusal("NOT_FOUND", `There is no tenant ${id}.`);
}
