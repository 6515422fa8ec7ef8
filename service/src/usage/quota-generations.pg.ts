// Which tenants are owed a restore because of rows that were written just now; known to the database, so that it outlives
// whoever owes it.
//
// A process that never took from a tenant again does not know that the tenant's counters were lost and live in another
// generation. Its last rows may be written after the others' restore, and only the database knows of both. So it keeps the
// generation that each tenant was last written under: whoever writes under another one makes a restore owed, and every
// writer is told of it until one was made. What the Fallback admitted has no generation, and always makes one owed.
// Promise: rows and what they make owed are one statement, which holds the tenant's row in here until its commit. So of two
// writers that differ the second is told, and restores when the rows of both can be read; and one that dies at any step
// leaves the tenant owed, for the next writer. No traffic, no writer: but then nobody needs the quota.
// Generations are compared for being the same, never for their order: a store's clock that went back gives a lesser one.
// Not here: the rows (write-totals.pg.ts), restoring (restore.job.ts).
import { queryWithin } from "../platform/bounded-query.ts";
import type { RebuildablePool } from "../platform/pool.ts";

/** `debt` names what is owed: whoever has restored pays that back with `markRestored`, but none that came since. */
export type OwedRestore = Readonly<{ tenant: string; debt: string }>;

/**
 * Parts of a statement that has written the rows of `incoming` (tenant_id, generation; 0 = the Fallback's). All who lock
 * more than one row here do it in the order of the key, under the key's own collation: so nobody waits in a circle, whatever
 * the collation of the database. A conflict locks the row even when nothing changes, and sees what was committed meanwhile.
 */
export const NOTE_GENERATIONS = `
wrote as materialized (
  select tenant_id, case when min(generation) = max(generation) then max(generation) else 0 end as generation
  from incoming group by tenant_id
), noted as (
  insert into quota_generations as known (tenant_id, generation)
  select tenant_id, generation from wrote order by tenant_id collate "C"
  on conflict (tenant_id) do update set
    generation = excluded.generation,
    owed = case when known.generation = excluded.generation and known.generation <> 0
      then known.owed else excluded.owed end
    where known.generation <> excluded.generation or excluded.generation = 0 or known.owed is not null
  returning tenant_id, owed
)`;

/** What that statement answers: OwedRestore. */
export const OWED_RESTORES = "select tenant_id as tenant, owed as debt from noted";

/** Of one statement of `leaveOwed`; a few milliseconds. */
const LEFT_AT_ONCE = 500;

/** For the next writer: whoever owed them a restore ends before it is made. Each statement may take `timeoutMs()`. */
export async function leaveOwed(
  pool: RebuildablePool,
  tenants: readonly string[],
  timeoutMs: () => number,
): Promise<void> {
  const text = `
    insert into quota_generations as known (tenant_id, generation)
    select tenant_id, 0 from unnest($1::text[]) as left_owed (tenant_id) order by tenant_id collate "C"
    on conflict (tenant_id) do update set owed = excluded.owed where known.owed is null`;
  for (let at = 0; at < tenants.length; at += LEFT_AT_ONCE) {
    await queryWithin(pool, timeoutMs(), text, [tenants.slice(at, at + LEFT_AT_ONCE)]);
  }
}

/** To be called when they were restored from what could be read after they were owed. */
export async function markRestored(
  pool: RebuildablePool,
  restored: readonly OwedRestore[],
  timeoutMs: number,
): Promise<void> {
  if (restored.length === 0) return;
  const text = `
    with paid as materialized (
      select tenant_id from quota_generations
      where (tenant_id, owed) in (select * from unnest($1::text[], $2::uuid[]))
      order by tenant_id for update
    )
    update quota_generations set owed = null where tenant_id in (select tenant_id from paid)`;
  await queryWithin(pool, timeoutMs, text, [restored.map(({ tenant }) => tenant), restored.map(({ debt }) => debt)]);
}
