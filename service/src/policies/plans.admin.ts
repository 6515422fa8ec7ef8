// The Admin routes of plans. A plan in use cannot be deleted: the refusal names who uses it.
import { PlanCreate, PlanItem, PlanList, PlanListQuery, PlanParams, PlanReplace, PlanWritten } from "@sluice/contract";
import type { Kysely } from "kysely";
import { DEFAULT_PAGE, pageOf, readCursor } from "../admin/cursor.ts";
import { changeRoute, type Route, readRoute } from "../admin/route.admin.ts";
import { planItem } from "./admin-items.ts";
import { findPlan, listPlans } from "./admin-rows.pg.ts";
import { createPlan, deletePlan, putPlans } from "./plans.pg.ts";
import type { PolicyTables } from "./policy-tables.ts";
import { warningsOfPlan } from "./warnings.pg.ts";

const tag = "plans";

export function planRoutes(reader: Kysely<PolicyTables>): Route[] {
  return [
    readRoute({
      ...{ method: "GET", path: "/admin/plans", tag, action: "plan.read", summary: "List plans by name" },
      shape: { query: PlanListQuery },
      answer: PlanList,
      find: async ({ query: { limit = DEFAULT_PAGE, cursor } }) => {
        const [after = null] = readCursor(cursor, ["text"]) ?? [];
        const rows = await listPlans(reader, { after: after as string | null, limit });
        return { body: pageOf(rows, limit, planItem, ({ name }) => [name]) };
      },
    }),
    readRoute({
      ...{ method: "GET", path: "/admin/plans/{name}", tag, action: "plan.read", summary: "Read a plan" },
      shape: { params: PlanParams },
      answer: PlanItem,
      find: async ({ params }) => {
        const body = planItem(await findPlan(reader, params.name, "read"));
        return { body, etag: body.etag };
      },
    }),
    changeRoute({
      ...{ method: "POST", path: "/admin/plans", tag, action: "plan.create", summary: "Create a plan" },
      shape: { body: PlanCreate },
      answer: PlanWritten,
      status: 201,
      change: async ({ body }, { policies }) => {
        await createPlan(policies, body);
        const after = planItem(await findPlan(policies.sql, body.name, "read"));
        return {
          status: 201,
          body: { ...after, warnings: warningsOfPlan(body) },
          etag: after.etag,
          location: `/admin/plans/${body.name}`,
          audits: [{ resource: { kind: "plan", id: body.name }, tenant: null, before: null, after }],
        };
      },
    }),
    changeRoute({
      ...{ method: "PUT", path: "/admin/plans/{name}", tag, action: "plan.update", summary: "Replace a plan's limits" },
      shape: { params: PlanParams, body: PlanReplace },
      answer: PlanWritten,
      needsEtag: true,
      change: async ({ params: { name }, body }, { policies, matchEtag }) => {
        const before = planItem(await findPlan(policies.sql, name, "lock"));
        matchEtag(before.etag);
        const plan = { name, limits: body.limits };
        await putPlans(policies, [plan]);
        const after = planItem(await findPlan(policies.sql, name, "read"));
        return {
          body: { ...after, warnings: warningsOfPlan(plan) },
          etag: after.etag,
          audits: [{ resource: { kind: "plan", id: name }, tenant: null, before, after }],
        };
      },
    }),
    changeRoute({
      ...{
        method: "DELETE",
        path: "/admin/plans/{name}",
        tag,
        action: "plan.delete",
        summary: "Delete an unused plan",
      },
      shape: { params: PlanParams },
      status: 204,
      needsEtag: true,
      change: async ({ params: { name } }, { policies, matchEtag }) => {
        const before = planItem(await findPlan(policies.sql, name, "lock"));
        matchEtag(before.etag);
        await deletePlan(policies, name);
        return {
          status: 204,
          audits: [{ resource: { kind: "plan", id: name }, tenant: null, before, after: null }],
        };
      },
    }),
  ];
}
