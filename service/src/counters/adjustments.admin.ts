// The Admin routes that correct a tenant's counters by hand: a reset, and a grant of quota.
//
// In one transaction the tenant is locked against restores, the counter is restored and then corrected, under an id that the
// request's Idempotency-Key gives, and what was really applied becomes a signed row and an audit row. A request that is
// sent again after a fault finds the counter corrected already and only writes the rows: nothing is applied twice and
// nothing stays unwritten.
// Known gap: a grant whose rows could not be committed is not known to a restore that runs before the request is sent
// again, so that one may take it back.
// Not here: how a counter is corrected (adjust.ts), the lock (usage/adjustment-lock.pg.ts), who reads the rows (usage/).
import { CounterAdjusted, CounterReset, QuotaGrant, TenantParams, WINDOWS } from "@sluice/contract";
import { CompiledQuery } from "kysely";
import type Type from "typebox";
import type { Change } from "../admin/change.pg.ts";
import { type AskedByUser, changeRoute, type Route } from "../admin/route.admin.ts";
import { periodsAt } from "../limits/quota-period.ts";
import { Refusal } from "../platform/refusal.ts";
import { findTenant } from "../policies/admin-rows.pg.ts";
import { parsePattern } from "../policies/pattern.ts";
import { lockForAdjusting } from "../usage/adjustment-lock.pg.ts";
import type { AskRows } from "../usage/quota-sums.pg.ts";
import { restoreCounter } from "../usage/restore-counter.pg.ts";
import type { Adjusted, CounterChange } from "./adjust.ts";
import { ANONYMOUS_USER, type Counters, type UnavailableCause } from "./counters.ts";

const tag = "tenants";
type Reset = Type.Static<typeof CounterReset>;
type Grant = Type.Static<typeof QuotaGrant>;
type AnsweredWindow = Type.Static<typeof CounterAdjusted>["windows"][number];
type Asked = Pick<AskedByUser<{ params: typeof TenantParams }>, "params" | "permit" | "requestKey">;
type Applied = Readonly<{ counter: CounterChange; done: Extract<Adjusted, { kind: "adjusted" }> }>;
type Corrected = Pick<Counters, "adjust" | "raise" | "nowMs">;

export function adjustmentRoutes(counters: Corrected): Route[] {
  const apply = async (
    { params, permit, requestKey }: Asked,
    { sql, policies }: Change,
    counter: CounterChange,
  ): Promise<Applied> => {
    permit.touch(params.id);
    const tenant = await findTenant(policies.sql, params.id, "read");
    const ask = askingIn(sql);
    await lockForAdjusting(ask, params.id);
    const periods = periodsAt(tenant.time_zone, counters.nowMs());
    const away = await restoreCounter(counters, ask, { ...counter, tenant: params.id, periods });
    if (away !== null) throw unavailable(away);
    const done = await counters.adjust({ id: requestKey, tenant: params.id, periods, changes: [counter] });
    if (done.kind === "unavailable") throw unavailable(done.cause);
    return { counter, done };
  };
  return [
    changeRoute({
      ...{ method: "POST", path: "/admin/tenants/{id}/counters/reset", tag, action: "counter.reset" },
      summary: "Set a counter of a tenant to nothing used",
      shape: { params: TenantParams, body: CounterReset },
      answer: CounterAdjusted,
      change: async (asked, change) => {
        const { params, body, requestKey } = asked;
        const reset = { kind: "reset", windows: body.windows ?? WINDOWS } as const;
        const applied = await apply(asked, change, { ...counterOf(body), change: reset });
        await writeRows(change, params.id, requestKey, body.reason, applied);
        const windows = windowsOf(applied);
        return { body: { windows, remainder: 0 }, audits: auditOf(params.id, body, windows) };
      },
    }),
    changeRoute({
      ...{ method: "POST", path: "/admin/tenants/{id}/counters/grant", tag, action: "counter.grant" },
      summary: "Take an amount off what a quota has used",
      shape: { params: TenantParams, body: QuotaGrant },
      answer: CounterAdjusted,
      change: async (asked, change) => {
        const { params, body, requestKey } = asked;
        const grant = { kind: "add", window: body.window, amount: -body.amount } as const;
        const applied = await apply(asked, change, { ...counterOf(body), change: grant });
        await writeRows(change, params.id, requestKey, body.reason, applied);
        const windows = windowsOf(applied);
        const taken = windows.reduce((sum, { before, after }) => sum + before - after, 0);
        return { body: { windows, remainder: body.amount - taken }, audits: auditOf(params.id, body, windows) };
      },
    }),
  ];
}

function unavailable(cause: UnavailableCause): Refusal {
  return new Refusal(
    "UNAVAILABLE",
    `The counters cannot be asked now (${cause}). Send it again with the same Idempotency-Key.`,
    { retryAfterMs: 1_000 },
  );
}

function askingIn(transaction: Change["sql"]): AskRows {
  return async <Row extends object>(text: string, values: unknown[]) =>
    (await transaction.executeQuery<Row>(CompiledQuery.raw(text, values))).rows;
}

/** Refuses what the scope needs and the body lacks, or the other way round. */
function counterOf({ scope, httpMethod, apiPattern, userId }: Reset | Grant): Omit<CounterChange, "change"> {
  const errors = [
    ...faultOf("/httpMethod", scope.includes("API"), httpMethod !== undefined),
    ...faultOf("/apiPattern", scope.includes("API"), apiPattern !== undefined),
    ...faultOf("/userId", scope.includes("USER"), userId !== undefined),
  ];
  const pattern = apiPattern === undefined ? null : parsePattern(apiPattern);
  if (pattern?.kind === "faulty") errors.push({ pointer: "/apiPattern", detail: pattern.faults.join("; ") });
  if (errors.length > 0)
    throw new Refusal("INVALID_REQUEST", "The counter is not named rightly: see errors.", { errors });
  return {
    scope,
    api: pattern?.kind === "pattern" ? `${httpMethod?.toUpperCase()} ${pattern.canonical}` : null,
    user: userId === undefined ? null : (userId ?? ANONYMOUS_USER),
  };
}

function faultOf(pointer: string, isNeeded: boolean, isGiven: boolean) {
  if (isNeeded === isGiven) return [];
  return [
    {
      pointer,
      detail: isNeeded ? "is missing: the scope counts by it" : "must be left out: the scope does not count by it",
    },
  ];
}

async function writeRows(
  { sql }: Change,
  tenant: string,
  id: string,
  reason: string,
  { counter, done }: Applied,
): Promise<void> {
  const labels = { quotaDay: done.dayLabel, month: done.monthLabel };
  const rows = done.counters.flat().flatMap(({ window, before, after, offSince, generation }) => {
    if ((window !== "quotaDay" && window !== "month") || before === after) return [];
    const named = { scope: counter.scope, api: counter.api ?? "", user_id: counter.user ?? "" };
    return [
      {
        id,
        tenant_id: tenant,
        ...named,
        quota_window: window,
        period_label: labels[window],
        amount: after - before,
        generation,
        off_since: offSince,
        reason,
      },
    ];
  });
  if (rows.length > 0) {
    await sql
      .insertInto("quota_adjustments")
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** What an operator is told: how a quota is kept apart in the store is no part of it. */
function windowsOf({ done }: Applied): AnsweredWindow[] {
  return done.counters.flat().map(({ window, before, after }) => ({ window, before, after }));
}

function auditOf(tenant: string, { reason, ...counter }: Reset | Grant, windows: readonly AnsweredWindow[]) {
  const used = (side: "before" | "after") => Object.fromEntries(windows.map((each) => [each.window, each[side]]));
  return [
    {
      resource: { kind: "counter", id: `${tenant} ${counter.scope}` },
      tenant,
      before: { counter, used: used("before") },
      after: { counter, used: used("after"), reason },
    },
  ];
}
