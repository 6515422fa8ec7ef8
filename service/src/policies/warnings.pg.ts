// What to remark on a row that a change has just written, looked at beside the rows it competes with.
// Read in the change's own transaction, so that a remark is true of what is stored. Not here: the remarks (policy-lint.ts).
import type { Warning } from "@sluice/contract";
import type { Kysely } from "kysely";
import type { Plan } from "./policy.ts";
import { createLint } from "./policy-lint.ts";
import { PLAN_COLUMNS, POLICY_COLUMNS, planOf, policyOf } from "./policy-rows.ts";
import type { PolicyEntry } from "./policy-set.ts";
import type { PolicyTables } from "./policy-tables.ts";

export function warningsOfPlan(plan: Plan): Warning[] {
  return createLint({ plans: [plan], policies: [], planOf: () => null }, 0).plan(plan);
}

export async function warningsOfPolicy(
  sql: Kysely<PolicyTables>,
  policy: PolicyEntry,
  nowMs: number,
): Promise<Warning[]> {
  const { target } = policy;
  const plans = await sql.selectFrom("plans").select(PLAN_COLUMNS).execute();
  const rivals = await sql
    .selectFrom("api_policies")
    .select(POLICY_COLUMNS)
    .where("scope", "=", policy.scope)
    .where("enabled", "=", true)
    .execute();
  const tenant =
    target.kind === "TENANT"
      ? await sql.selectFrom("tenants").select("plan").where("id", "=", target.tenant).executeTakeFirst()
      : undefined;
  const set = { plans: plans.map(planOf), policies: rivals.map(policyOf), planOf: () => tenant?.plan ?? null };
  return createLint(set, nowMs).policy(policy);
}
