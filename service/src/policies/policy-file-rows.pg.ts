// The rows that a policy file is compared with, and the file's memory of what it wrote. Parts of a change.
import { type Selectable, sql } from "kysely";
import type { PolicyTransaction } from "./policy-changes.pg.ts";
import type { FileReference } from "./policy-file.ts";
import type { Remembered } from "./policy-file-diff.ts";
import type { ApiPolicyTable, DeclaredKind, PlanTable, TenantTable } from "./policy-tables.ts";
import { inStatements } from "./row-writes.pg.ts";

export async function storedPlans(change: PolicyTransaction, names: readonly string[]) {
  const rows = change.sql.selectFrom("plans").selectAll().where(sql<boolean>`name = any(${names}::text[])`);
  return new Map<string, Selectable<PlanTable>>((await rows.execute()).map((row) => [row.name, row]));
}

/** Without deleted ones. */
export async function storedTenants(change: PolicyTransaction, ids: readonly string[]) {
  const rows = change.sql
    .selectFrom("tenants")
    .selectAll()
    .where("deleted_at", "is", null)
    .where(sql<boolean>`id = any(${ids}::text[])`);
  return new Map<string, Selectable<TenantTable>>((await rows.execute()).map((row) => [row.id, row]));
}

/** By name. */
export async function storedPolicies(change: PolicyTransaction, names: readonly string[]) {
  const rows = change.sql.selectFrom("api_policies").selectAll().where(sql<boolean>`name = any(${names}::text[])`);
  return new Map<string, Selectable<ApiPolicyTable>>((await rows.execute()).map((row) => [row.name, row]));
}

/** What the file names without declaring it, and the database does not hold either. */
export async function missingReferences(
  change: PolicyTransaction,
  references: readonly FileReference[],
): Promise<FileReference[]> {
  const keysOf = (kind: DeclaredKind) =>
    references.filter((reference) => reference.kind === kind).map(({ key }) => key);
  const held = {
    PLAN: await storedPlans(change, keysOf("PLAN")),
    TENANT: await storedTenants(change, keysOf("TENANT")),
  };
  return references.filter(({ kind, key }) => !held[kind].has(key));
}

export async function rememberedRows(change: PolicyTransaction, kind: DeclaredKind): Promise<Remembered> {
  const rows = change.sql.selectFrom("policy_file_rows").select(["key", "etag"]).where("kind", "=", kind);
  return new Map((await rows.execute()).map(({ key, etag }) => [key, etag]));
}

export async function rememberRows(
  change: PolicyTransaction,
  kind: DeclaredKind,
  etags: Iterable<readonly [key: string, etag: string]>,
): Promise<void> {
  for (const some of inStatements([...etags])) {
    await change.sql
      .insertInto("policy_file_rows")
      .values(some.map(([key, etag]) => ({ kind, key, etag })))
      .onConflict((conflict) =>
        conflict.columns(["kind", "key"]).doUpdateSet({ etag: (row) => row.ref("excluded.etag") }),
      )
      .execute();
  }
}
