// An operator's reset or grant, as counters/adjustments.admin.ts does it: the tenant's lock, the counter restored, then
// corrected under an id, the signed row of what was really applied, one transaction. Whoever is not sure that it happened
// sends it again with its id. The lock, the restore and the correction are the real code; the order of them stands for that
// file, whose transaction comes with the Admin API, and for usage-keeping.ts, which owes the tenant a restore.
import type { CounterChange } from "../src/counters/adjust.ts";
import { periodsAt } from "../src/limits/quota-period.ts";
import { lockForAdjusting } from "../src/usage/adjustment-lock.pg.ts";
import type { AskRows } from "../src/usage/quota-sums.pg.ts";
import { restoreCounter } from "../src/usage/restore-counter.pg.ts";
import type { Transaction } from "./model-postgres.ts";
import { Outage } from "./outage.ts";
import type { PlannedEvent } from "./plan.ts";
import type { InTransaction } from "./postgres-link.ts";
import type { ServiceProcess } from "./service-process.ts";

const TIMEOUT_MS = 3_000;

export type PlannedAdjustment = Extract<PlannedEvent, { kind: "adjust" }>;

/** Rejects when it is not known whether it happened. */
export async function adjustByHand(process: ServiceProcess, planned: PlannedAdjustment): Promise<void> {
  const { postgres } = process;
  await postgres.transact(TIMEOUT_MS, async (transaction) => {
    const rows = async (_text: string, [statement]: unknown[]) => {
      return await (statement as InTransaction)(postgres, transaction, TIMEOUT_MS);
    };
    await adjustInside(process, planned, transaction, rows as AskRows);
  });
}

async function adjustInside(
  { counters, owe }: ServiceProcess,
  { id, tenant, user, amount }: PlannedAdjustment,
  transaction: Transaction,
  ask: AskRows,
): Promise<void> {
  const counter = { scope: user === null ? "TENANT" : "TENANT_USER", api: null, user } as const;
  const change: CounterChange["change"] =
    amount === null
      ? { kind: "reset", windows: ["quotaDay", "month"] }
      : { kind: "add", window: user === null ? "month" : "quotaDay", amount };
  await lockForAdjusting(ask, tenant);
  const periods = periodsAt("UTC", counters.nowMs());
  const away = await restoreCounter(counters, ask, { ...counter, tenant, periods });
  if (away !== null) throw new Outage(`The counters cannot be asked now: ${away}.`);
  owe(tenant);
  const done = await counters.adjust({ id, tenant, periods, changes: [{ ...counter, change }] });
  if (done.kind !== "adjusted") throw new Outage(`The counters cannot be asked now: ${done.cause}.`);
  const labels = { quotaDay: done.dayLabel, month: done.monthLabel };
  for (const { window, before, after, offSince, generation } of done.counters.flat()) {
    if ((window !== "quotaDay" && window !== "month") || before === after) continue;
    const amount = after - before;
    const row = { tenant, ...counter, window, label: labels[window], amount, offSince, generation };
    transaction.writes.push(({ adjustments }) => {
      if (!adjustments.has(`${id} ${window}`)) adjustments.set(`${id} ${window}`, row);
    });
  }
}
