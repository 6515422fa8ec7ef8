// What a quota is known to have used, and how that is put to the counters. Pure.
import type { Scope } from "@sluice/contract";
import { MAX_RAISED_COUNTERS, type RaiseOrder } from "../counters/raise.ts";
import type { Periods } from "../limits/quota-period.ts";
import type { OpenPeriod } from "./open-periods.ts";

export type CounterName = Readonly<{ scope: Scope; api: string | null; user: string | null }>;

/** Whose sums are wanted, and of which generation apart. */
export type AskedPeriod = OpenPeriod & Readonly<{ tenant: string; generation: number }>;

export type QuotaSum = CounterName &
  Readonly<{
    asked: AskedPeriod;
    /** Of every generation but the one asked with, and adjustments; may be negative. */
    atLeast: number;
    /** Of all generations, and adjustments. */
    usedAtLeast: number;
  }>;

/** One order after the other of one tenant, none greater than a raise may be. `sums` of one tenant have one generation. */
export function raiseOrders(sums: readonly QuotaSum[], periodsOf: (tenant: string) => Periods): RaiseOrder[] {
  return [...Map.groupBy(sums, ({ asked }) => asked.tenant)].flatMap(([tenant, own]) => {
    const periods = periodsOf(tenant);
    const generation = own[0]?.asked.generation ?? 0;
    const counters = own.map(({ asked: { window, label }, scope, api, user, atLeast, usedAtLeast }) => {
      return { scope, api, user, window, label, atLeast, usedAtLeast };
    });
    const orders: RaiseOrder[] = [];
    for (let at = 0; at < counters.length; at += MAX_RAISED_COUNTERS) {
      orders.push({ tenant, generation, periods, counters: counters.slice(at, at + MAX_RAISED_COUNTERS) });
    }
    return orders;
  });
}

/** Of one tenant or of many: what one shard has to do at once, and a check on its way there has to wait for. */
const RAISED_AT_ONCE = MAX_RAISED_COUNTERS;

/** Orders that are put together, in the order given: no more counters in each turn than RAISED_AT_ONCE. */
export function inTurns(orders: readonly RaiseOrder[]): RaiseOrder[][] {
  const turns: RaiseOrder[][] = [];
  let counters = RAISED_AT_ONCE;
  for (const order of orders) {
    counters += order.counters.length;
    if (counters > RAISED_AT_ONCE) {
      turns.push([]);
      counters = order.counters.length;
    }
    turns.at(-1)?.push(order);
  }
  return turns;
}
