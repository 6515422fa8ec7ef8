// Stores API policies and temporary overrides. Every function is a part of a change (policy-changes.pg.ts).
// Patterns and methods are canonical when they get here: parsed at the edge (pattern.ts).

import { Refusal } from "../platform/refusal.ts";
import type { Target } from "./policy.ts";
import type { PolicyTransaction } from "./policy-changes.pg.ts";
import { POLICY_COLUMNS, policyColumns } from "./policy-rows.ts";
import type { PolicyEntry } from "./policy-set.ts";
import { requirePlans, requireTenants } from "./references.pg.ts";
import { inStatements, proposed } from "./row-writes.pg.ts";

const REPLACED_COLUMNS = [
  ...POLICY_COLUMNS.filter((column) => column !== "id" && column !== "name"),
  "reason",
] as const;

export type StoredPolicy = Readonly<{ id: string; etag: string }>;

/** Creates policies or replaces those of the same name, which keep their id; what the database gave them, by name. */
export async function putPolicies(
  change: PolicyTransaction,
  policies: readonly PolicyEntry[],
): Promise<Map<string, StoredPolicy>> {
  const stored = new Map<string, StoredPolicy>();
  for (const some of inStatements(policies)) {
    await requireTargets(
      change,
      some.map(({ target }) => target),
    );
    const rows = await change.sql
      .insertInto("api_policies")
      .values(some.map(policyColumns))
      .onConflict((conflict) => conflict.column("name").doUpdateSet(proposed(REPLACED_COLUMNS)))
      .returning(["name", "id", "etag"])
      .execute();
    for (const { name, id, etag } of rows) {
      stored.set(name, { id, etag });
      change.touch("POLICY", id);
    }
  }
  return stored;
}

/** Refused where the name or the key is taken; its id. */
export async function createPolicy(change: PolicyTransaction, policy: PolicyEntry): Promise<string> {
  await requireTargets(change, [policy.target]);
  const { id } = await change.sql
    .insertInto("api_policies")
    .values(policyColumns(policy))
    .returning("id")
    .executeTakeFirstOrThrow();
  change.touch("POLICY", id);
  return id;
}

/** Of a policy that is locked: everything but its id may change. */
export async function replacePolicy(change: PolicyTransaction, id: string, policy: PolicyEntry): Promise<void> {
  await requireTargets(change, [policy.target]);
  await change.sql.updateTable("api_policies").set(policyColumns(policy)).where("id", "=", id).execute();
  change.touch("POLICY", id);
}

/** Of a policy that is locked. */
export async function removePolicy(change: PolicyTransaction, id: string): Promise<void> {
  await change.sql.deleteFrom("api_policies").where("id", "=", id).execute();
  change.touch("POLICY", id);
}

export async function deletePolicy(change: PolicyTransaction, name: string): Promise<void> {
  const deleted = await change.sql
    .deleteFrom("api_policies")
    .where("name", "=", name)
    .returning("id")
    .executeTakeFirst();
  if (deleted === undefined) throw new Refusal("NOT_FOUND", `There is no policy ${name}.`);
  change.touch("POLICY", deleted.id);
}

async function requireTargets(change: PolicyTransaction, targets: readonly Target[]): Promise<void> {
  await requirePlans(
    change,
    targets.flatMap((target) => (target.kind === "PLAN" ? [target.plan] : [])),
  );
  await requireTenants(
    change,
    targets.flatMap((target) => (target.kind === "TENANT" ? [target.tenant] : [])),
  );
}
