// Erases a person from usage and limit hits: the rows stay, the name goes. What they used of quotas of their own goes
// altogether: it is kept for a restore of lost counters only, and they begin such quotas anew then.
//
// Every row of the user is added to the erased users' row of its day, API or minute, so no total of a tenant or an API
// changes and nothing tells erased users apart. Erasing again finds nothing and adds nothing. Folded days keep their sums:
// those know no users.
// Known gaps: what processes still hold in memory arrives afterwards under the person's name. Refusals do within seconds:
// erase once more then. A process's usage total is absolute, so one of today written after the erasure holds what was
// folded here as well: whoever writes totals lets go of the user first (a new incarnation), then erases.
// Not here: who may do it and its audit row (the door).
import { sql, type Transaction } from "kysely";
import type { LimitHitTables } from "../limit-hits/limit-hit-tables.ts";
import { ERASED_USER } from "./special-users.ts";
import type { UsageTables } from "./usage-tables.ts";

const ERASED_INCARNATION = "erased";

/** How many rows named the person. `user` as a caller sends it. */
export async function erasePerson(
  transaction: Transaction<UsageTables & LimitHitTables>,
  tenant: string,
  user: string,
): Promise<Readonly<{ usageRows: number; limitHits: number }>> {
  // A fold under way would replace rows behind our back: wait for it, and let the next one wait for us.
  await sql`select from usage_folds for share`.execute(transaction);
  const usage = await sql<{ erased: number }>`
    with erased as (
      delete from usage_rows where tenant_id = ${tenant} and user_id = ${user} returning *
    ), folded as (
      insert into usage_rows as known (tenant_id, day_label, user_id, api, incarnation, source, total, retracted)
      select tenant_id, day_label, ${ERASED_USER}, api, ${ERASED_INCARNATION}, source,
        sum(total)::bigint, sum(retracted)::bigint
        from erased group by tenant_id, day_label, api, source
      on conflict (tenant_id, day_label, user_id, api_key, source, incarnation)
        do update set total = known.total + excluded.total, retracted = known.retracted + excluded.retracted
    )
    select count(*) as erased from erased`.execute(transaction);
  // These are in no report: nothing is missed.
  await sql`delete from usage_late where tenant_id = ${tenant} and user_id = ${user}`.execute(transaction);
  await sql`
    delete from quota_rows
    where tenant_id = ${tenant} and user_id = ${user} and scope in ('TENANT_USER', 'TENANT_USER_API')
  `.execute(transaction);
  await sql`
    update quota_adjustments set user_id = ${ERASED_USER}
    where tenant_id = ${tenant} and user_id = ${user} and scope in ('TENANT_USER', 'TENANT_USER_API')
  `.execute(transaction);
  await sql`
    with erased as (
      delete from denied_rows where tenant_id = ${tenant} and user_id = ${user} returning *
    )
    insert into denied_rows as known (tenant_id, day_label, user_id, api, denied)
    select tenant_id, day_label, ${ERASED_USER}, api, denied from erased
    on conflict (tenant_id, day_label, user_id, api_key) do update set denied = known.denied + excluded.denied
  `.execute(transaction);
  const hits = await sql<{ erased: number }>`
    with erased as (
      delete from limit_hits where tenant_id = ${tenant} and user_id = ${user} returning *
    ), folded as (
      insert into limit_hits as known (tenant_id, minute_at, day_label, user_id, api, reason, limit_window, policy_id,
        scope, hits, cost, first_at, last_at)
      select tenant_id, minute_at, day_label, ${ERASED_USER}, api, reason, limit_window, policy_id, scope,
        hits, cost, first_at, last_at
        from erased
      on conflict (tenant_id, minute_at, line_key, day_label) do update set
        hits = known.hits + excluded.hits,
        cost = known.cost + excluded.cost,
        first_at = least(known.first_at, excluded.first_at),
        last_at = greatest(known.last_at, excluded.last_at)
    )
    select count(*) as erased from erased`.execute(transaction);
  return { usageRows: usage.rows[0]?.erased ?? 0, limitHits: hits.rows[0]?.erased ?? 0 };
}
