// The Admin routes of the whole set: export it, and apply one. What `sluice export` and `sluice apply` ask.
import { type FieldProblem, PolicySetApplied, PolicySetBody, PolicySetExport, PolicySetQuery } from "@sluice/contract";
import type { Kysely } from "kysely";
import { changeRoute, type Route, readRoute } from "../admin/route.admin.ts";
import { Refusal } from "../platform/refusal.ts";
import { planItem, policyItem, tenantItem } from "./admin-items.ts";
import { createLint } from "./policy-lint.ts";
import { planOf, policyOf, tenantOf } from "./policy-rows.ts";
import type { PolicySet } from "./policy-set.ts";
import { applySet, readStored } from "./policy-set-apply.pg.ts";
import { exportSet } from "./policy-set-export.ts";
import { parsePolicySet } from "./policy-set-parse.ts";
import type { PolicyTables } from "./policy-tables.ts";
import type { AppliedRow, StoredSet } from "./stored-set.ts";

const tag = "policy set";
const path = "/admin/policy-set";

export function policySetRoutes(reader: Kysely<PolicyTables>, defaultTimeZone: string): Route[] {
  return [
    readRoute({
      ...{ method: "GET", path, tag, action: "policy_set.read", summary: "Export plans, tenants and policies" },
      shape: {},
      answer: PolicySetExport,
      find: async () => {
        const transaction = reader.transaction().setIsolationLevel("repeatable read").setAccessMode("read only");
        return { body: exportSet(await transaction.execute((sql) => readStored({ sql }))) };
      },
    }),
    changeRoute({
      ...{ method: "POST", path, tag, action: "policy_set.apply", summary: "Make the stored set what this one says" },
      operation: "applyPolicySet",
      shape: { query: PolicySetQuery, body: PolicySetBody },
      answer: PolicySetApplied,
      change: async ({ query: { dryRun = false, prune = false }, body, origin }, { policies }) => {
        const set = parseBody(body);
        const { rows, unchanged } = await applySet(policies, set, { prune, defaultTimeZone });
        const changes = rows.map(({ kind, key, before, after }) => {
          return { kind, key, act: before === null ? "create" : after === null ? "delete" : "update" };
        });
        const warnings = warningsOf(set, await readStored(policies), origin.nowMs);
        return {
          body: { dryRun, changes, unchanged, warnings },
          audits: rows.map((row) => ({
            resource: { kind: row.kind, id: row.key },
            tenant: null,
            before: itemOf(row, "before", origin.nowMs),
            after: itemOf(row, "after", origin.nowMs),
          })),
          isTrial: dryRun,
        };
      },
    }),
  ];
}

function parseBody(body: unknown): PolicySet {
  const { set, faults } = parsePolicySet(body);
  if (faults.length === 0) return set;
  const errors = faults.map(({ path, problem }): FieldProblem => {
    return { pointer: path.map((step) => `/${step}`).join(""), detail: problem };
  });
  throw new Refusal("INVALID_REQUEST", "The set does not follow the rules: see errors. Nothing was changed.", {
    errors,
  });
}

function warningsOf(set: PolicySet, stored: StoredSet, nowMs: number) {
  const plans = [...stored.plan.values()].map(planOf);
  const policies = [...stored.policy.values()].map(policyOf);
  const tenants = new Map([...stored.tenant.values()].map((row) => [row.id, tenantOf(row).plan]));
  const lint = createLint({ plans, policies, planOf: (tenant) => tenants.get(tenant) ?? null }, nowMs);
  return [
    ...set.plans.flatMap((plan, index) => lint.plan(plan, `/plans/${index}`)),
    ...set.policies.flatMap((policy, index) => lint.policy(policy, `/apiPolicies/${index}`)),
  ];
}

function itemOf(row: AppliedRow, side: "before" | "after", nowMs: number): unknown {
  switch (row.kind) {
    case "plan":
      return row[side] && planItem(row[side]);
    case "tenant":
      return row[side] && tenantItem(row[side], nowMs);
    case "policy":
      return row[side] && policyItem(row[side]);
  }
}
