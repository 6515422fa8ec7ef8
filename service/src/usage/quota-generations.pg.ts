// Finds tenants whose quotas somebody may have restored without rows that were written just now.
//
// A process that never took from a tenant again does not know that the tenant's counters were lost and live in another
// generation. Its last rows may be written after the others' restore, and only the database knows of both. So it keeps the
// generation that each tenant was last written under: of two writers that differ, the later one is told.
// Promise: to be called after the rows are committed and before a restore; then, in whatever order two processes do so,
// either the rows of one are in what the other restores from, or this one is told. Equal generations cost a reading only.
// Generations are compared for being the same, never for their order: a store's clock that went back gives a lesser one.
// Not here: the rows (write-totals.pg.ts), what the Fallback admitted, which has no generation and is always owed.
import { queryWithin } from "../platform/bounded-query.ts";
import type { RebuildablePool } from "../platform/pool.ts";

/** Read in about a millisecond. */
export const MAX_GENERATIONS = 1_000;

/** Noted by who ends and owes a restore: no counters have this generation, so the next writer is told. */
export const RESTORE_LEFT_UNDONE = 0;

// In the order of the key, so that two writers never wait for each other in a circle.
const NOTE = `
insert into quota_generations as known (tenant_id, generation)
select tenant_id, generation from unnest($1::text[], $2::bigint[]) as written (tenant_id, generation)
where not exists (
  select from quota_generations same
  where same.tenant_id = written.tenant_id and same.generation = written.generation
)
order by tenant_id
on conflict (tenant_id) do update set generation = excluded.generation where known.generation <> excluded.generation
returning tenant_id`;

/** At most MAX_GENERATIONS tenants, each with the generation its rows were written under; who is owed a restore now. */
export async function noteGenerations(
  pool: RebuildablePool,
  written: readonly (readonly [tenant: string, generation: number])[],
  timeoutMs: number,
): Promise<string[]> {
  if (written.length === 0) return [];
  const columns = [written.map(([tenant]) => tenant), written.map(([, generation]) => generation)];
  const rows = await queryWithin<{ tenant_id: string }>(pool, timeoutMs, NOTE, columns);
  return rows.map(({ tenant_id }) => tenant_id);
}
