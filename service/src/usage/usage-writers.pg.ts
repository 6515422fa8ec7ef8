// The register of who writes totals: each incarnation says that it has written everything down until now, and in the end
// that there is nothing left. One that fell silent without that may have left totals in the store.
// Time is the database's, so the instances' clocks do not matter.
// Who was taken for dead and lived on, without being heard of again, may have left more: so the harvested are looked at
// again, each time after being silent for twice as long. Of one that took on for an hour that is found within two.
// Not here: who counts as dead (harvest.job.ts), which days they keep open (fold.pg.ts).
import { queryWithin } from "../platform/bounded-query.ts";
import type { RebuildablePool } from "../platform/pool.ts";

/** Who ended so long ago is forgotten; should it write again after all, it registers anew. */
const FORGET_AFTER = "35 days";

/** `<system> <timeline>`, as policies/policy-head.pg.ts reads them and says why in this way. */
const HISTORY = `
  select (select system_identifier::text from pg_control_system()) || ' '
    || ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int as history`;

/** Until when a writer was, or is, in the hands of a harvester, as text; null = of none, ever. Each harvest has another. */
export type Claimed = Readonly<{ incarnation: string; until: string | null }>;

/**
 * Everything that these acknowledged until now is written down. Who was taken for ended has not, then; each is told of the
 * latest harvest of its usage, and no harvester writes any of it from here on, until it is silent again.
 */
export async function beat(
  pool: RebuildablePool,
  incarnations: readonly string[],
  timeoutMs: number,
): Promise<Claimed[]> {
  const text = `
    insert into usage_writers (incarnation) select incarnation from unnest($1::text[]) as incarnation order by 1
    on conflict (incarnation) do update set flushed_at = now(), ended = null
    returning incarnation, harvest_until::text as until`;
  return await queryWithin<Claimed>(pool, timeoutMs, text, [incarnations]);
}

/**
 * Everything of these was written down by themselves: there is nothing to harvest. But only in the history of the database
 * that it was written in, null = not known: of a database that was set back nobody knows what it still has. Answers with
 * the present history: nobody was closed unless it is the one handed in.
 */
export async function closeWriters(
  pool: RebuildablePool,
  incarnations: readonly string[],
  history: string | null,
  timeoutMs: number,
): Promise<string> {
  const text = `
    with present as materialized (${HISTORY}), closed as (
      insert into usage_writers (incarnation, ended)
      select incarnation, 'CLOSED' from present, unnest($1::text[]) as incarnation where history = $2 order by 1
      on conflict (incarnation) do update set flushed_at = now(), ended = 'CLOSED'
    )
    select history from present`;
  const [row] = await queryWithin<{ history: string }>(pool, timeoutMs, text, [incarnations, history]);
  if (row === undefined) throw new Error("PostgreSQL did not say which history it is in.");
  return row.history;
}

/** Who has not ended and not been heard of for so long; the longest silent first. */
export async function silentWriters(pool: RebuildablePool, silentForMs: number, timeoutMs: number): Promise<string[]> {
  const text = `
    select incarnation from usage_writers
    where ended is null and flushed_at < now() - $1 * interval '1 ms'
    order by flushed_at, incarnation`;
  const rows = await queryWithin<{ incarnation: string }>(pool, timeoutMs, text, [silentForMs]);
  return rows.map(({ incarnation }) => incarnation);
}

/**
 * Whether the caller may harvest this writer, for so long: a claim that runs out instead of a lock, because a lock would
 * need a transaction that is open as long as the harvest, beside the ones it writes in.
 */
export async function claimWriter(
  pool: RebuildablePool,
  incarnation: string,
  forMs: number,
  timeoutMs: number,
): Promise<boolean> {
  const text = `
    update usage_writers set harvest_until = now() + $2 * interval '1 ms'
    where incarnation = $1 and ended is null and (harvest_until is null or harvest_until < now())
    returning incarnation`;
  return (await queryWithin(pool, timeoutMs, text, [incarnation, forMs])).length === 1;
}

/** Lets another one try at once. */
export async function unclaimWriter(pool: RebuildablePool, incarnation: string, timeoutMs: number): Promise<void> {
  // What was begun is begun: there is something for the writer to look after (`Claimed`).
  await queryWithin(pool, timeoutMs, "update usage_writers set harvest_until = now() where incarnation = $1", [
    incarnation,
  ]);
}

/** Everything that it left in the store is written down. Not when it was heard of meanwhile: it lives. */
export async function markHarvested(
  pool: RebuildablePool,
  incarnation: string,
  silentForMs: number,
  timeoutMs: number,
): Promise<void> {
  const text = `
    update usage_writers set ended = 'HARVESTED', harvested_at = now()
    where incarnation = $1 and ended is null and flushed_at < now() - $2 * interval '1 ms'`;
  await queryWithin(pool, timeoutMs, text, [incarnation, silentForMs]);
}

/** Who of these is harvested and due to be looked at again; those who are due the longest first. */
export async function harvestedLongAgo(
  pool: RebuildablePool,
  incarnations: readonly string[],
  limit: number,
  timeoutMs: number,
): Promise<string[]> {
  const text = `
    select incarnation from usage_writers
    where incarnation = any($1::text[]) and ended = 'HARVESTED'
      and (harvested_at is null or harvested_at + (harvested_at - flushed_at) < now())
    order by harvested_at + (harvested_at - flushed_at) nulls first, incarnation
    limit $2`;
  const rows = await queryWithin<{ incarnation: string }>(pool, timeoutMs, text, [incarnations, limit]);
  return rows.map(({ incarnation }) => incarnation);
}

/** Everything that it left in the store since then is written down, too. Not when it was heard of meanwhile: it lives. */
export async function markHarvestedAgain(pool: RebuildablePool, incarnation: string, timeoutMs: number): Promise<void> {
  const text = "update usage_writers set harvested_at = now() where incarnation = $1 and ended = 'HARVESTED'";
  await queryWithin(pool, timeoutMs, text, [incarnation]);
}

/** Whether the caller may search the store now: one of all instances may, so often at most. */
export async function claimSearch(pool: RebuildablePool, everyMs: number, timeoutMs: number): Promise<boolean> {
  const text = `
    update usage_searches set searched_at = now() where searched_at < now() - $1 * interval '1 ms' returning only_row`;
  return (await queryWithin(pool, timeoutMs, text, [everyMs])).length === 1;
}

/** For those who never could themselves, as if they had been heard of now. Who is known stays as it is. */
export async function registerWriters(
  pool: RebuildablePool,
  incarnations: readonly string[],
  timeoutMs: number,
): Promise<void> {
  const text = `
    insert into usage_writers (incarnation) select incarnation from unnest($1::text[]) as incarnation order by 1
    on conflict do nothing`;
  await queryWithin(pool, timeoutMs, text, [incarnations]);
}

export async function forgetEndedWriters(pool: RebuildablePool, timeoutMs: number): Promise<void> {
  const text = `delete from usage_writers where ended is not null and flushed_at < now() - interval '${FORGET_AFTER}'`;
  await queryWithin(pool, timeoutMs, text);
}
