// Every change of plans, tenants and policies goes through here: one transaction, published by its last statement.
//
// Promise: the version row is locked last and only while committing, so version order is commit order, and no loader can
// see a version without the rows it stands for. A refusal changes nothing. A change that touched nothing publishes nothing.
// Not here: the changes themselves (plans.pg.ts, tenants.pg.ts, policies.pg.ts).
import { type Kysely, sql, type Transaction } from "kysely";
import { DatabaseError } from "pg";
import { Refusal } from "../platform/refusal.ts";
import type { PolicyTables, RowKind } from "./policy-tables.ts";

export type PolicyTransaction = Readonly<{
  sql: Transaction<PolicyTables>;
  /** Names a row that this transaction writes: a plan's name, a tenant's, policy's or credential's id. */
  touch: (kind: RowKind, key: string) => void;
}>;

/** `version` is null when nothing was touched. */
export type Published<T> = Readonly<{ result: T; version: number | null }>;

export async function changePolicies<T>(
  database: Kysely<PolicyTables>,
  change: (transaction: PolicyTransaction) => Promise<T>,
): Promise<Published<T>> {
  const touched: Readonly<{ kind: RowKind; key: string }>[] = [];
  try {
    return await database.transaction().execute(async (transaction) => {
      const result = await change({ sql: transaction, touch: (kind, key) => void touched.push({ kind, key }) });
      if (touched.length === 0) return { result, version: null };
      const kinds = touched.map(({ kind }) => kind);
      const keys = touched.map(({ key }) => key);
      const published = await sql<{ version: number }>`
        select publish_policies(${kinds}::text[], ${keys}::text[]) as version`.execute(transaction);
      return { result, version: published.rows[0]?.version ?? null };
    });
  } catch (fault) {
    throw refusalOf(fault) ?? fault;
  }
}

/** What only the database can refuse, because another transaction got there first or a value is out of range. */
function refusalOf(fault: unknown): Refusal | null {
  if (!(fault instanceof DatabaseError)) return null;
  const because = { cause: fault };
  switch (fault.code) {
    case "23503":
      return new Refusal("UNKNOWN_REFERENCE", `A row refers to one that is not there: ${fault.detail}`, because);
    case "23505":
      return new Refusal("TAKEN", takenMessage(fault), because);
    case "23514":
    case "22003":
      return new Refusal("OUT_OF_RANGE", `A value is out of range: ${fault.message}`, because);
    default:
      return null;
  }
}

function takenMessage({ constraint, detail }: DatabaseError): string {
  if (constraint !== "api_policies_key") return `Another row has that key already: ${detail}`;
  return (
    "Another policy has the same target, method, pattern, scope and enforcement: change that one, " +
    `or make this a temporary override. ${detail}`
  );
}
