// Writing many rows with few statements. Pure.
import { type Expression, sql } from "kysely";

/** Rows of one INSERT: at 20 columns well below the 65 535 parameters of a statement. */
const ROWS_PER_STATEMENT = 1_000;

export function* inStatements<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) yield rows.slice(at, at + ROWS_PER_STATEMENT);
}

/** For ON CONFLICT DO UPDATE: each column takes the value that the INSERT proposed. */
export function proposed<Column extends string>(columns: readonly Column[]): Record<Column, Expression<never>> {
  const entries = columns.map((column) => [column, sql.ref(`excluded.${column}`)]);
  return Object.fromEntries(entries) as Record<Column, Expression<never>>;
}
