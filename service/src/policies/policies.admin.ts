// The Admin routes of API policies and of temporary overrides, which are policies with a validity and a reason.
// What a policy may say is decided in one place for files and requests alike: policy-set-parse.ts.
import {
  OverrideItem,
  OverrideList,
  OverrideWrite,
  OverrideWritten,
  PolicyItem,
  PolicyList,
  PolicyListQuery,
  PolicyParams,
  PolicyWrite,
  PolicyWritten,
} from "@sluice/contract";
import type { Kysely, Selectable } from "kysely";
import type Type from "typebox";
import { DEFAULT_PAGE, pageOf, readCursor } from "../admin/cursor.ts";
import type { Permit } from "../admin/permit.ts";
import { changeRoute, type Route, readRoute } from "../admin/route.admin.ts";
import { overrideItem, policyItem } from "./admin-items.ts";
import { findPolicy, listMatchingPolicies, type PolicyKind } from "./admin-rows.pg.ts";
import { createPolicy, removePolicy, replacePolicy } from "./policies.pg.ts";
import type { Target } from "./policy.ts";
import { parseOverrideBody, parsePolicyBody } from "./policy-body.admin.ts";
import type { PolicyEntry } from "./policy-set.ts";
import type { ApiPolicyTable, PolicyTables } from "./policy-tables.ts";
import { warningsOfPolicy } from "./warnings.pg.ts";

/** How the two kinds differ. */
type Words = Readonly<{
  kind: PolicyKind;
  path: string;
  tag: string;
  body: Type.TSchema;
  item: Type.TSchema;
  list: Type.TSchema;
  written: Type.TSchema;
  itemOf: (row: Selectable<ApiPolicyTable>) => PolicyItem | OverrideItem;
  parse: (body: unknown, nowMs: number) => PolicyEntry;
}>;

const POLICIES: Words = {
  kind: "policy",
  path: "/admin/api-policies",
  tag: "policies",
  body: PolicyWrite,
  item: PolicyItem,
  list: PolicyList,
  written: PolicyWritten,
  itemOf: policyItem,
  parse: parsePolicyBody,
};

const OVERRIDES: Words = {
  kind: "override",
  path: "/admin/overrides",
  tag: "overrides",
  body: OverrideWrite,
  item: OverrideItem,
  list: OverrideList,
  written: OverrideWritten,
  itemOf: overrideItem,
  parse: parseOverrideBody,
};

export function policyRoutes(reader: Kysely<PolicyTables>): Route[] {
  return [POLICIES, OVERRIDES].flatMap((words) => [...readingRoutes(words, reader), ...changingRoutes(words)]);
}

function readingRoutes({ kind, path, tag, item, list, itemOf }: Words, reader: Kysely<PolicyTables>): Route[] {
  const action = `${kind}.read` as const;
  return [
    readRoute({
      ...{ method: "GET", path, tag, action, summary: `List ${tag} by name` },
      shape: { query: PolicyListQuery },
      answer: list,
      find: async ({ query, permit }) => {
        const { limit = DEFAULT_PAGE, cursor, plan = null, tenant = null, path: matching = null } = query;
        const [after = null] = readCursor(cursor, ["text"]) ?? [];
        const tenants = permit.listOf(tenant);
        const wish = { kind, after: after as string | null, limit, tenants, plan, path: matching };
        return { body: pageOf(await listMatchingPolicies(reader, wish), limit, itemOf, ({ name }) => [name]) };
      },
    }),
    readRoute({
      ...{ method: "GET", path: `${path}/{id}`, tag, action, summary: `Read one of the ${tag}` },
      shape: { params: PolicyParams },
      answer: item,
      find: async ({ params, permit }) => {
        const row = await findPolicy(reader, kind, params.id, "read");
        permit.touch(row.target_tenant);
        const body = itemOf(row);
        return { body, etag: body.etag };
      },
    }),
  ];
}

function changingRoutes({ kind, path, tag, body: written, written: answer, itemOf, parse }: Words) {
  return [
    changeRoute({
      ...{ method: "POST", path, tag, action: `${kind}.create` as const, summary: `Create one of the ${tag}` },
      shape: { body: written },
      answer,
      status: 201,
      change: async ({ body, permit, origin }, { policies }) => {
        const entry = parse(body, origin.nowMs);
        permit.touch(tenantOf(entry.target));
        const id = await createPolicy(policies, entry);
        const after = itemOf(await findPolicy(policies.sql, kind, id, "read"));
        return {
          status: 201,
          body: { ...after, warnings: await warningsOfPolicy(policies.sql, entry, origin.nowMs) },
          etag: after.etag,
          location: `${path}/${id}`,
          audits: [{ resource: { kind, id }, tenant: tenantOf(entry.target), before: null, after }],
        };
      },
    }),
    changeRoute({
      ...{ method: "PUT", path: `${path}/{id}`, tag, action: `${kind}.update` as const, summary: "Replace it" },
      shape: { params: PolicyParams, body: written },
      answer,
      needsEtag: true,
      change: async ({ params: { id }, body, permit, origin }, { policies, matchEtag }) => {
        const before = await lockPermitted(policies.sql, kind, id, permit);
        matchEtag(before.etag);
        const entry = parse(body, origin.nowMs);
        // Moving a policy to another target touches both.
        permit.touch(tenantOf(entry.target));
        await replacePolicy(policies, id, entry);
        const after = itemOf(await findPolicy(policies.sql, kind, id, "read"));
        return {
          body: { ...after, warnings: await warningsOfPolicy(policies.sql, entry, origin.nowMs) },
          etag: after.etag,
          audits: [{ resource: { kind, id }, tenant: tenantOf(entry.target), before: itemOf(before), after }],
        };
      },
    }),
    changeRoute({
      ...{ method: "DELETE", path: `${path}/{id}`, tag, action: `${kind}.delete` as const, summary: "Delete it" },
      shape: { params: PolicyParams },
      status: 204,
      needsEtag: true,
      change: async ({ params: { id }, permit }, { policies, matchEtag }) => {
        const before = await lockPermitted(policies.sql, kind, id, permit);
        matchEtag(before.etag);
        await removePolicy(policies, id);
        return {
          status: 204,
          audits: [{ resource: { kind, id }, tenant: before.target_tenant, before: itemOf(before), after: null }],
        };
      },
    }),
  ];
}

async function lockPermitted(sql: Kysely<PolicyTables>, kind: PolicyKind, id: string, permit: Permit) {
  const row = await findPolicy(sql, kind, id, "lock");
  permit.touch(row.target_tenant);
  return row;
}

/** Null for targets that are no single tenant. */
function tenantOf(target: Target): string | null {
  return target.kind === "TENANT" ? target.tenant : null;
}
