// The Admin routes of tenants. A tenant's plan changes now or at an instant; its usage carries over either way, because a
// counter is known by the tenant and not by the plan.
import {
  TenantCreate,
  TenantItem,
  TenantList,
  TenantListQuery,
  TenantParams,
  TenantPlanChange,
  TenantUpdate,
} from "@sluice/contract";
import type { Kysely } from "kysely";
import { DEFAULT_PAGE, pageOf, readCursor } from "../admin/cursor.ts";
import { changeRoute, type Route, readRoute } from "../admin/route.admin.ts";
import { readInstant } from "../platform/instant.ts";
import { Refusal } from "../platform/refusal.ts";
import { isTimeZone } from "../tenants/tenant.ts";
import { tenantItem } from "./admin-items.ts";
import { findTenant, listTenants } from "./admin-rows.pg.ts";
import type { PolicyTables } from "./policy-tables.ts";
import { createTenant, deleteTenant, putTenants, setTenantPlan } from "./tenants.pg.ts";

const tag = "tenants";
const path = "/admin/tenants/{id}";

export function tenantRoutes(reader: Kysely<PolicyTables>, defaultTimeZone: string): Route[] {
  const auditOf = (id: string, before: TenantItem | null, after: TenantItem | null) => {
    return [{ resource: { kind: "tenant", id }, tenant: id, before, after }];
  };
  return [
    readRoute({
      ...{ method: "GET", path: "/admin/tenants", tag, action: "tenant.read", summary: "List tenants by id" },
      shape: { query: TenantListQuery },
      answer: TenantList,
      find: async ({ query, permit, origin }) => {
        const { limit = DEFAULT_PAGE, cursor, plan = null, status = null } = query;
        const [after = null] = readCursor(cursor, ["text"]) ?? [];
        const ids = permit.list();
        const rows = await listTenants(reader, { after: after as string | null, limit, ids, plan, status });
        return {
          body: pageOf(
            rows,
            limit,
            (row) => tenantItem(row, origin.nowMs),
            ({ id }) => [id],
          ),
        };
      },
    }),
    readRoute({
      ...{ method: "GET", path, tag, action: "tenant.read", summary: "Read a tenant" },
      shape: { params: TenantParams },
      answer: TenantItem,
      find: async ({ params, permit, origin }) => {
        permit.touch(params.id);
        const body = tenantItem(await findTenant(reader, params.id, "read"), origin.nowMs);
        return { body, etag: body.etag };
      },
    }),
    changeRoute({
      ...{ method: "POST", path: "/admin/tenants", tag, action: "tenant.create", summary: "Create a tenant" },
      shape: { body: TenantCreate },
      answer: TenantItem,
      status: 201,
      change: async ({ body, origin }, { policies }) => {
        const { id, name = id, plan, status = "ACTIVE", timeZone = null } = body;
        requireTimeZone(timeZone);
        await createTenant(policies, { id, name, plan, status, timeZone }, defaultTimeZone);
        const after = tenantItem(await findTenant(policies.sql, id, "read"), origin.nowMs);
        return {
          status: 201,
          body: after,
          etag: after.etag,
          location: `/admin/tenants/${id}`,
          audits: auditOf(id, null, after),
        };
      },
    }),
    changeRoute({
      ...{ method: "PATCH", path, tag, action: "tenant.update", summary: "Rename, suspend or move a tenant to a zone" },
      shape: { params: TenantParams, body: TenantUpdate },
      answer: TenantItem,
      needsEtag: true,
      change: async ({ params: { id }, body, permit, origin }, { policies, matchEtag }) => {
        permit.touch(id);
        const before = tenantItem(await findTenant(policies.sql, id, "lock"), origin.nowMs);
        matchEtag(before.etag);
        const { name = before.name, status = before.status, timeZone = before.timeZone } = body;
        requireTimeZone(timeZone);
        await putTenants(policies, [{ id, name, plan: before.plan, status, timeZone }], defaultTimeZone);
        const after = tenantItem(await findTenant(policies.sql, id, "read"), origin.nowMs);
        return { body: after, etag: after.etag, audits: auditOf(id, before, after) };
      },
    }),
    changeRoute({
      ...{ method: "PUT", path: `${path}/plan`, tag, action: "tenant.plan", summary: "Change the plan, now or later" },
      shape: { params: TenantParams, body: TenantPlanChange },
      answer: TenantItem,
      needsEtag: true,
      change: async ({ params: { id }, body, permit, origin }, { policies, matchEtag }) => {
        permit.touch(id);
        const before = tenantItem(await findTenant(policies.sql, id, "lock"), origin.nowMs);
        matchEtag(before.etag);
        const atMs = body.at == null ? null : readInstant(body.at, "/at");
        if (atMs !== null && atMs <= origin.nowMs) {
          const errors = [{ pointer: "/at", detail: "must lie ahead; leave it out for now" }];
          throw new Refusal("OUT_OF_RANGE", "A plan is changed now or at an instant to come.", { errors });
        }
        await setTenantPlan(policies, id, body.plan, atMs);
        const after = tenantItem(await findTenant(policies.sql, id, "read"), origin.nowMs);
        return { body: after, etag: after.etag, audits: auditOf(id, before, after) };
      },
    }),
    changeRoute({
      ...{ method: "DELETE", path, tag, action: "tenant.delete", summary: "Delete a tenant that no policy targets" },
      shape: { params: TenantParams },
      status: 204,
      needsEtag: true,
      change: async ({ params: { id }, origin }, { policies, matchEtag }) => {
        const before = tenantItem(await findTenant(policies.sql, id, "lock"), origin.nowMs);
        matchEtag(before.etag);
        await deleteTenant(policies, id);
        return { status: 204, audits: auditOf(id, before, null) };
      },
    }),
  ];
}

function requireTimeZone(timeZone: string | null): void {
  if (timeZone === null || isTimeZone(timeZone)) return;
  const errors = [{ pointer: "/timeZone", detail: "must be an IANA name, such as Asia/Seoul" }];
  throw new Refusal("INVALID_REQUEST", `There is no time zone ${JSON.stringify(timeZone)}.`, { errors });
}
