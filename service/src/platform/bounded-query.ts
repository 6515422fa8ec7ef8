// One statement over a pool that gives up in time: for jobs, which must not hang on a server that went away without a word.
// Not here: retrying; the connection of a failed statement is closed, and whether it took effect is not known.
import type { QueryResultRow } from "pg";
import type { RebuildablePool } from "./pool.ts";
import { bounded } from "./postgres.ts";

export async function queryWithin<Row extends QueryResultRow>(
  pool: RebuildablePool,
  timeoutMs: number,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query<Row>(bounded(timeoutMs, text, values));
    client.release();
    return rows;
  } catch (fault) {
    client.release(true);
    throw fault;
  }
}
