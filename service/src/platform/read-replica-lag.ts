// How old the data of a streaming replica may be at most, by what both servers say.
//
// The primary is asked first: where its log is, and what time it is. A replica that has replayed up to there lacked nothing
// at that instant, so a silent primary is never mistaken for a lag, nor is a replica that receives nothing any more taken
// for fresh. Otherwise the age of the last commit that it replayed counts, by the primary's clock, which wrote both times.
// That errs to the old side: the first commit after an hour of silence makes it an hour, for the moment of its replay.
// Not here: what is done about it (read-replica.ts).
import type { RebuildablePool } from "./pool.ts";
import { bounded } from "./postgres.ts";

const ASK_TIMEOUT_MS = 1_000;

export type PrimaryState = Readonly<{ lsn: string; now: string; system_id: string }>;

export async function primaryState(primary: RebuildablePool): Promise<PrimaryState> {
  return await ask<PrimaryState>(
    primary,
    `select pg_current_wal_lsn()::text as lsn, clock_timestamp()::text as now,
       (select system_identifier::text from pg_control_system()) as system_id`,
  );
}

/** Rejects when the server is no replica of the primary, or gives no answer. */
export async function replicaLagMs(replica: RebuildablePool, { lsn, now, system_id }: PrimaryState): Promise<number> {
  const state = await ask<{ follows: boolean; system_id: string; lag_ms: number | null }>(
    replica,
    `select pg_is_in_recovery() as follows,
       (select system_identifier::text from pg_control_system()) as system_id,
       case when pg_last_wal_replay_lsn() >= $1::pg_lsn then 0
         else 1000 * extract(epoch from $2::timestamptz - pg_last_xact_replay_timestamp())
       end::float8 as lag_ms`,
    [lsn, now],
  );
  if (state.system_id !== system_id) throw new Error("SLUICE_DATABASE_READ_URL is no replica of SLUICE_DATABASE_URL.");
  if (!state.follows) throw new Error("The server of SLUICE_DATABASE_READ_URL was promoted: it follows no primary.");
  // It has replayed no commit since it started, so nothing tells how old it is.
  return state.lag_ms === null ? Number.POSITIVE_INFINITY : Math.max(0, state.lag_ms);
}

async function ask<Row>(pool: RebuildablePool, text: string, values: unknown[] = []): Promise<Row> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query(bounded(ASK_TIMEOUT_MS, text, values));
    client.release();
    return rows[0];
  } catch (fault) {
    client.release(true);
    throw fault;
  }
}
