// Brings a policy file into the database.
//
// Promise: all of it or nothing, in one published change; the same file again, nothing. A row that was created, changed or
// deleted by hand is kept and reported, unless forced: its etag tells. Rows that the file no longer declares stay.
// Instances that start together apply it once. Throws Refusal where the database cannot follow, such as a tenant id
// that is still reserved. Not here: what a file may say (policy-file.ts), or a database that is away (policy-set.ts).
import { isDeepStrictEqual } from "node:util";
import { type Kysely, sql } from "kysely";
import { putPlans } from "./plans.pg.ts";
import { putPolicies } from "./policies.pg.ts";
import { changePolicies, type PolicyTransaction } from "./policy-changes.pg.ts";
import type { FileFault, PolicyFile } from "./policy-file.ts";
import { type Declared, diffOfFile, type KeptRow } from "./policy-file-diff.ts";
import {
  missingReferences,
  rememberedRows,
  rememberRows,
  storedPlans,
  storedPolicies,
  storedTenants,
} from "./policy-file-rows.pg.ts";
import { planColumns, policyColumns } from "./policy-rows.ts";
import type { TenantEntry } from "./policy-set.ts";
import type { PolicyTables } from "./policy-tables.ts";
import { putTenants } from "./tenants.pg.ts";

/** Any constant: instances agree on it. */
const POLICY_FILE_LOCK = 7_308_332_205;

export type PolicyFileOptions = Readonly<{
  /** Overwrites what was changed by hand, also when the file itself has not changed. */
  isForced: boolean;
  defaultTimeZone: string;
}>;

export type PolicyFileResult =
  /** Applied before. */
  | Readonly<{ kind: "known" }>
  | Readonly<{ kind: "faulty"; faults: readonly FileFault[] }>
  | Readonly<{ kind: "applied"; written: number; kept: readonly KeptRow[] }>;

export async function applyPolicyFile(
  database: Kysely<PolicyTables>,
  file: PolicyFile,
  options: PolicyFileOptions,
): Promise<PolicyFileResult> {
  const published = await changePolicies(database, async (change): Promise<PolicyFileResult> => {
    await sql`select pg_advisory_xact_lock(${POLICY_FILE_LOCK})`.execute(change.sql);
    const last = await change.sql.selectFrom("policy_file").select("sha256").executeTakeFirst();
    if (last?.sha256 === file.sha256 && !options.isForced) return { kind: "known" };
    const faults = await missingReferences(change, file.references);
    if (faults.length > 0) return { kind: "faulty", faults };
    const parts = [
      await applyPlans(change, file, options),
      await applyTenants(change, file, options),
      await applyPolicies(change, file, options),
    ];
    await change.sql
      .insertInto("policy_file")
      .values({ sha256: file.sha256 })
      .onConflict((conflict) =>
        conflict.column("only_row").doUpdateSet({ sha256: file.sha256, applied_at: sql`now()` }),
      )
      .execute();
    const written = parts.reduce((sum, part) => sum + part.written, 0);
    return { kind: "applied", written, kept: parts.flatMap((part) => part.kept) };
  });
  return published.result;
}

type Part = Readonly<{ written: number; kept: readonly KeptRow[] }>;

async function applyPlans(change: PolicyTransaction, { set }: PolicyFile, options: PolicyFileOptions): Promise<Part> {
  const declared = {
    kind: "PLAN" as const,
    entries: set.plans,
    keyOf: ({ name }: { name: string }) => name,
    stored: await storedPlans(
      change,
      set.plans.map(({ name }) => name),
    ),
    isSame: hasColumns(planColumns),
  };
  return await applyRows(change, declared, options, (plans) => putPlans(change, plans));
}

async function applyTenants(change: PolicyTransaction, { set }: PolicyFile, options: PolicyFileOptions): Promise<Part> {
  const columns = ({ name, plan, status, timeZone }: TenantEntry) => {
    return { name, plan, status, ...(timeZone !== null && { time_zone: timeZone }) };
  };
  const declared = {
    kind: "TENANT" as const,
    entries: set.tenants,
    keyOf: ({ id }: { id: string }) => id,
    stored: await storedTenants(
      change,
      set.tenants.map(({ id }) => id),
    ),
    isSame: hasColumns(columns),
  };
  return await applyRows(change, declared, options, (tenants) => putTenants(change, tenants, options.defaultTimeZone));
}

async function applyPolicies(
  change: PolicyTransaction,
  { set }: PolicyFile,
  options: PolicyFileOptions,
): Promise<Part> {
  const declared = {
    kind: "POLICY" as const,
    entries: set.policies,
    keyOf: ({ name }: { name: string }) => name,
    stored: await storedPolicies(
      change,
      set.policies.map(({ name }) => name),
    ),
    isSame: hasColumns(policyColumns),
  };
  return await applyRows(change, declared, options, async (policies) => {
    const stored = await putPolicies(change, policies);
    return new Map([...stored].map(([name, { etag }]) => [name, etag]));
  });
}

/** `put` gives the etags of what it wrote, by key. */
async function applyRows<Entry, Row extends { etag: string }>(
  change: PolicyTransaction,
  declared: Declared<Entry, Row>,
  { isForced }: PolicyFileOptions,
  put: (entries: readonly Entry[]) => Promise<Map<string, string>>,
): Promise<Part> {
  const { kind } = declared;
  const { write, same, kept } = diffOfFile(declared, await rememberedRows(change, kind), isForced);
  await rememberRows(change, kind, [...same, ...(await put(write))]);
  return { written: write.length, kept };
}

/** Whether a row holds what the entry's columns say; columns that the entry does not speak of may hold anything. */
function hasColumns<Entry>(columnsOf: (entry: Entry) => object): (entry: Entry, row: object) => boolean {
  return (entry, row) => {
    const stored = new Map(Object.entries(row));
    return Object.entries(columnsOf(entry)).every(([column, value]) => isDeepStrictEqual(stored.get(column), value));
  };
}
