// What quotas are known to have used, summed up for a restore: rows of all processes and generations, and what operators
// adjusted by hand.
//
// Of the generation asked with, `atLeast` leaves out what was taken and what cuts took off that: neither is in the base of
// the counter. In `usedAtLeast` a correction counts as a whole.
//
// Pages by counter, so that a tenant with a hundred thousand users is never in memory as a whole. A page costs its own rows
// and no more: each period's counters are read in the order of the key, and no further than the page reaches.
// Not here: raising (restore.job.ts), what the rows mean (migration 0008), writing them (write-totals.pg.ts).
import { hash } from "node:crypto";
import type { Scope } from "@sluice/contract";
import type { AskedPeriod, CounterName, QuotaSum } from "./quota-sum.ts";

/** Most counters of one page: read and raised within some milliseconds, which other work may have to wait for. */
export const PAGE_COUNTERS = 250;

/** Below every key, but one that no text has: md5 is not known to give it. */
const BEFORE_ALL = "00000000-0000-0000-0000-000000000000";
/** The greatest sum that counters hold (limits/quota.ts). */
const MAX_SUM = "9000000000000000";

/** Where a page ends: the period it stopped in, and the last counter it has of it. */
export type PageEnd = Readonly<{ index: number; after: string }>;
export type SumPage = Readonly<{ sums: readonly QuotaSum[]; end: PageEnd | null }>;

/** Over a connection, which may be inside a transaction. */
export type AskRows = <Row extends object>(text: string, values: unknown[]) => Promise<readonly Row[]>;

const KEY = "md5(scope || E'\\n' || api || E'\\n' || user_id)::uuid";
const NAMES = "max(scope) as scope, max(api) as api, max(user_id) as user_id";

/**
 * Both kinds of rows are grouped and cut off for themselves: so PostgreSQL reads rows in the order of their key and stops
 * with the page. Grouped by the key alone, which stands for the names.
 */
const READ = `
select period::integer - 1 as index, key, scope, api, user_id,
  least(others, ${MAX_SUM})::bigint as at_least, least(everything, ${MAX_SUM})::bigint as used_at_least
from unnest($1::text[], $2::integer[], $3::text[], $4::bigint[], $5::uuid[]) with ordinality
  as asked (tenant, first_day, quota, present, after, period)
cross join lateral (
  select key, ${NAMES}, sum(others) as others, sum(everything) as everything
  from (
    (
      select counter_key as key, ${NAMES}, sum(total - retracted) as everything,
        coalesce(sum(total - retracted) filter (where generation <> present), 0) as others
      from quota_rows
      where tenant_id = tenant and day_label = first_day and quota_window = quota and counter_key > after
        and ($6::uuid is null or counter_key = $6)
      group by counter_key
      order by counter_key
      limit $7
    )
    union all
    (
      select ${KEY}, ${NAMES}, sum(amount),
        sum(amount + case when generation = present then off_since else 0 end)
      from quota_adjustments
      where tenant_id = tenant and quota_window = quota
        and period_label = case quota when 'month' then first_day / 100 else first_day end
        and ${KEY} > after and ($6::uuid is null or ${KEY} = $6)
      group by 1
      order by 1
      limit $7
    )
  ) known
  group by key
  order by key
  limit $7
) counter
order by period, key
limit $7`;

/**
 * To be called first in a transaction that reads pages. Without sorting, rows are read in the order of their index and no
 * further than the page: the planner takes every tenant for an average one, and would sort all rows of a great one for
 * each page. It puts so high a price on the sorts that remain that it would compile the plan, which takes far longer
 * than running it.
 */
export async function prepareToRead(ask: AskRows): Promise<void> {
  await ask("select set_config('enable_sort', 'off', true), set_config('jit', 'off', true)", []);
}

/** `from` is the end of the page before, of the same periods; `only` reads of one counter alone. */
export async function readQuotaSums(
  ask: AskRows,
  periods: readonly AskedPeriod[],
  from: PageEnd | null = null,
  only: CounterName | null = null,
): Promise<SumPage> {
  const first = from?.index ?? 0;
  const left = periods.slice(first);
  const rows = await ask<Row>(READ, [
    left.map(({ tenant }) => tenant),
    left.map(({ dayLabel }) => dayLabel),
    left.map(({ window }) => window),
    left.map(({ generation }) => generation),
    left.map((_, i) => (i === 0 ? (from?.after ?? BEFORE_ALL) : BEFORE_ALL)),
    only === null ? null : counterKey(only),
    PAGE_COUNTERS,
  ]);
  const last = rows.length === PAGE_COUNTERS ? rows.at(-1) : undefined;
  return {
    sums: rows.flatMap((row) => sumOf(left[row.index], row)),
    end: last === undefined ? null : { index: first + last.index, after: last.key },
  };
}

type Row = Readonly<{
  index: number;
  key: string;
  scope: Scope;
  api: string;
  user_id: string;
  at_least: number;
  used_at_least: number;
}>;

function sumOf(asked: AskedPeriod | undefined, row: Row): QuotaSum[] {
  if (asked === undefined) return [];
  const { scope, api, user_id, at_least: atLeast, used_at_least: usedAtLeast } = row;
  return [
    {
      ...{ asked, scope, atLeast, usedAtLeast },
      api: scope.endsWith("API") ? api : null,
      user: scope.startsWith("TENANT_USER") ? user_id : null,
    },
  ];
}

/** As the column `counter_key` has it. */
function counterKey({ scope, api, user }: CounterName): string {
  return hash("md5", `${scope}\n${api ?? ""}\n${user ?? ""}`);
}
