// Lists limit hits, the newest minute first.
// Of named tenants each gives its newest, along its own part of the index, and the newest of those are the page: a quiet
// tenant is not searched for among the refusals of all others.
// Promise: a page costs the same wherever it begins. Not here: who may read what (the door).
import type { Reason, Scope, Window } from "@sluice/contract";
import { type Kysely, type RawBuilder, type Selectable, sql } from "kysely";
import { shownUser, storedUser } from "../usage/special-users.ts";
import type { LimitHitTable, LimitHitTables } from "./limit-hit-tables.ts";

/** Null = all, of `tenants` too. `user` as shown; `fromMs` and `toMs` are UTC milliseconds, `toMs` not included. */
export type LimitHitFilter = Readonly<{
  tenants: readonly string[] | null;
  user: string | null;
  api: string | null;
  reason: Reason | null;
  fromMs: number | null;
  toMs: number | null;
}>;

/** Orders the list, all three descending. */
export type LimitHitKey = Readonly<{ minuteMs: number; tenant: string; line: string }>;

/** Instants are UTC milliseconds. Where no limit refused, `window`, `policyId` and `scope` are null. */
export type LimitHitItem = Readonly<{
  key: LimitHitKey;
  tenantId: string;
  userId: string;
  api: string;
  reason: Reason;
  window: Window | null;
  policyId: string | null;
  scope: Scope | null;
  minuteMs: number;
  hits: number;
  cost: number;
  firstMs: number;
  lastMs: number;
}>;

const DAY_MS = 86_400_000;

export async function listLimitHits(
  db: Kysely<LimitHitTables>,
  filter: LimitHitFilter,
  page: Readonly<{ after: LimitHitKey | null; limit: number }>,
): Promise<LimitHitItem[]> {
  const { tenants } = filter;
  const conditions = conditionsOf(filter, page.after);
  const newest = sql`order by minute_at desc, tenant_id desc, line_key desc limit ${sql.lit(page.limit)}`;
  const query =
    tenants === null
      ? sql<Row>`select * from limit_hits where ${sql.join(conditions, AND)} ${newest}`
      : sql<Row>`
        select hits.* from unnest(${tenants}::text[]) as tenant (id) cross join lateral (
          select * from limit_hits where tenant_id = tenant.id and ${sql.join(conditions, AND)} ${newest}
        ) as hits ${newest}`;
  return (await query.execute(db)).rows.map(itemOf);
}

type Row = Selectable<LimitHitTable>;
const AND = sql` and `;

function conditionsOf(
  { user, api, reason, fromMs, toMs }: LimitHitFilter,
  after: LimitHitKey | null,
): RawBuilder<unknown>[] {
  const all = [sql`true`];
  if (user !== null) all.push(sql`user_id = ${storedUser(user)}`);
  if (api !== null) all.push(sql`api = ${api}`);
  if (reason !== null) all.push(sql`reason = ${reason}`);
  // The day's label leaves partitions alone that hold nothing of the time asked for: no zone is a day away from UTC.
  if (fromMs !== null) {
    all.push(sql`minute_at >= ${new Date(fromMs)} and day_label >= ${sql.lit(utcLabel(fromMs - DAY_MS))}`);
  }
  if (toMs !== null) {
    all.push(sql`minute_at < ${new Date(toMs)} and day_label <= ${sql.lit(utcLabel(toMs + DAY_MS))}`);
  }
  if (after !== null) {
    const key = sql`(${new Date(after.minuteMs)}, ${after.tenant}, ${after.line}::uuid)`;
    all.push(sql`(minute_at, tenant_id, line_key) < ${key}`);
  }
  return all;
}

function itemOf(row: Row): LimitHitItem {
  return {
    key: { minuteMs: row.minute_at.getTime(), tenant: row.tenant_id, line: row.line_key },
    tenantId: row.tenant_id,
    userId: shownUser(row.user_id),
    api: row.api,
    reason: row.reason,
    window: row.limit_window === "" ? null : row.limit_window,
    policyId: row.policy_id === "" ? null : row.policy_id,
    scope: row.scope === "" ? null : row.scope,
    minuteMs: row.minute_at.getTime(),
    hits: row.hits,
    cost: row.cost,
    firstMs: row.first_at.getTime(),
    lastMs: row.last_at.getTime(),
  };
}

function utcLabel(atMs: number): number {
  return Number(new Date(atMs).toISOString().slice(0, 10).replaceAll("-", ""));
}
