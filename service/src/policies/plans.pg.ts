// Stores plans. Every function is a part of a change (policy-changes.pg.ts).

import { Refusal } from "../platform/refusal.ts";
import type { Plan } from "./policy.ts";
import type { PolicyTransaction } from "./policy-changes.pg.ts";
import { LIMIT_COLUMNS, planColumns } from "./policy-rows.ts";
import { refusePlanInUse } from "./references.pg.ts";
import { inStatements, proposed } from "./row-writes.pg.ts";

/** Creates plans or replaces their limits; the new etags by name. */
export async function putPlans(change: PolicyTransaction, plans: readonly Plan[]): Promise<Map<string, string>> {
  const etags = new Map<string, string>();
  for (const some of inStatements(plans)) {
    const rows = await change.sql
      .insertInto("plans")
      .values(some.map(planColumns))
      .onConflict((conflict) => conflict.column("name").doUpdateSet(proposed(LIMIT_COLUMNS)))
      .returning(["name", "etag"])
      .execute();
    for (const { name, etag } of rows) {
      etags.set(name, etag);
      change.touch("PLAN", name);
    }
  }
  return etags;
}

/** Refused where the name is taken. */
export async function createPlan(change: PolicyTransaction, plan: Plan): Promise<void> {
  await change.sql.insertInto("plans").values(planColumns(plan)).execute();
  change.touch("PLAN", plan.name);
}

/** Refused while it is in use, naming the users. */
export async function deletePlan(change: PolicyTransaction, name: string): Promise<void> {
  const { sql } = change;
  const locked = await sql.selectFrom("plans").select("name").where("name", "=", name).forUpdate().executeTakeFirst();
  if (locked === undefined) throw new Refusal("NOT_FOUND", `There is no plan ${name}.`);
  await refusePlanInUse(change, name);
  await sql.deleteFrom("plans").where("name", "=", name).execute();
  change.touch("PLAN", name);
}
