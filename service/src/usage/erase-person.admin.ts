// The Admin route that erases a person from usage and limit hits. The audit row names the request, not the person.
import { PersonErased, PersonParams } from "@sluice/contract";
import { changeRoute, type Route } from "../admin/route.admin.ts";
import type { LimitHitTables } from "../limit-hits/limit-hit-tables.ts";
import { erasePerson } from "./erase-person.pg.ts";
import type { UsageTables } from "./usage-tables.ts";

export function erasePersonRoutes(): Route[] {
  return [
    changeRoute({
      ...{ method: "DELETE", path: "/admin/tenants/{id}/users/{userId}", tag: "tenants", action: "tenant.erase_user" },
      summary: "Erase a person from usage and limit hits; the sums stay",
      shape: { params: PersonParams },
      answer: PersonErased,
      change: async ({ params: { id, userId }, permit }, { sql }) => {
        permit.touch(id);
        const body = await erasePerson(sql.$pickTables<keyof UsageTables | keyof LimitHitTables>(), id, userId);
        return { body, audits: [{ resource: { kind: "person", id: null }, tenant: id, before: null, after: body }] };
      },
    }),
  ];
}
