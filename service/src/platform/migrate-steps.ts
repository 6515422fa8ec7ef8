// Migrations that PostgreSQL cannot do within a transaction: an index on a table in use (CREATE INDEX CONCURRENTLY), and
// VACUUM (ANALYZE) around it, so that the new index is planned with from its first query on.
//
// Such a file begins with "-- no transaction" and is a list of statements, each ending with ; at the end of its line. It is
// done again from its beginning when it was left half done, so each statement must bear that: an index is created IF NOT
// EXISTS, and what an interrupted attempt left of it (an invalid index) is dropped first.
// "{partition of usage_rows}" in a statement runs it for each partition. To index a partitioned table: create the index
// concurrently on each partition, then plainly on the table, which adopts those and builds only what is missing.
// The embedded database takes all of it; alone on its data it has nobody to wait for.
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "pg";

const MARKER = "-- no transaction";
/** Any constant but that of migrate.ts. Held by the session while the steps run. */
const STEPS_LOCK = 7_308_332_210;
const TRY_AGAIN_MS = 200;

/** The statements of a file with the marker; null for any other. */
export function stepsOf({ name, sql }: Readonly<{ name: string; sql: string }>): string[] | null {
  if (!sql.startsWith(MARKER)) return null;
  if (sql.includes("$$")) throw new Error(`${name} holds a body in $$: move it to a migration with a transaction.`);
  const statements = sql
    .replaceAll(/^\s*--.*$/gm, "")
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
  for (const statement of statements) {
    if (!/^create\s+(unique\s+)?index\s+concurrently\b/i.test(statement) || indexOf(statement) !== null) continue;
    throw new Error(
      `${name} cannot be done again after a failure: write CREATE INDEX CONCURRENTLY IF NOT EXISTS name.`,
    );
  }
  return statements;
}

export type StepLedger = Readonly<{ isApplied: () => Promise<boolean>; record: () => Promise<boolean> }>;

/**
 * True when this call did the steps and recorded them. Instances take turns by asking again and again, not by waiting for
 * the lock: building an index concurrently waits for every statement under way, that one included.
 */
export async function applySteps(client: Client, steps: readonly string[], ledger: StepLedger): Promise<boolean> {
  while (!(await ask(client, "select pg_try_advisory_lock($1) as yes", [STEPS_LOCK]))) await pause(TRY_AGAIN_MS);
  try {
    if (await ledger.isApplied()) return false;
    for (const step of steps) {
      for (const statement of await forEachPartition(client, step)) await doAgain(client, statement);
    }
    return await ledger.record();
  } finally {
    await client.query("select pg_advisory_unlock($1)", [STEPS_LOCK]).catch(() => undefined);
  }
}

async function forEachPartition(client: Client, step: string): Promise<string[]> {
  const [placeholder, table] = /\{partition of (\w+)\}/.exec(step) ?? [];
  if (placeholder === undefined) return [step];
  const { rows } = await client.query<{ name: string }>(
    "select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass order by 1",
    [table],
  );
  return rows.map(({ name }) => step.replaceAll(placeholder, name));
}

async function doAgain(client: Client, statement: string): Promise<void> {
  const index = indexOf(statement);
  const invalid = "select true as yes from pg_index where indexrelid = to_regclass($1) and not indisvalid";
  if (index !== null && (await ask(client, invalid, [index]))) {
    await client.query(`drop index concurrently if exists ${index}`);
  }
  await client.query(statement);
}

/** The name of the index that the statement creates concurrently. */
function indexOf(statement: string): string | null {
  return /^create\s+(?:unique\s+)?index\s+concurrently\s+if\s+not\s+exists\s+(\S+)\s/i.exec(statement)?.[1] ?? null;
}

async function ask(client: Client, question: string, values: unknown[]): Promise<boolean> {
  return (await client.query<{ yes: boolean }>(question, values)).rows[0]?.yes ?? false;
}
