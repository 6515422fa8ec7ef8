import { expect, test } from "vitest";
import { MAX_RAISED_COUNTERS, type RaiseOrder } from "../counters/raise.ts";
import { periodsAt } from "../limits/quota-period.ts";
import { inTurns } from "./quota-sum.ts";

const periods = periodsAt("UTC", 0);

function order(counters: number): RaiseOrder {
  const counter = { scope: "TENANT", api: null, user: null, window: "month", label: 197001 } as const;
  const one = { ...counter, atLeast: 1, usedAtLeast: 1 };
  return { tenant: "acme", generation: 1, periods, counters: Array.from({ length: counters }, () => one) };
}

test("a turn has as many orders as their counters fit into, in their order, and each order is in one", () => {
  const sizes = [1, 62, 1, 1, MAX_RAISED_COUNTERS, 2, 63, 5];
  const turns = inTurns(sizes.map(order)).map((turn) => turn.map(({ counters }) => counters.length));
  expect(turns).toEqual([[1, 62, 1], [1], [MAX_RAISED_COUNTERS], [2], [63], [5]]);
  expect(inTurns([])).toEqual([]);
});
