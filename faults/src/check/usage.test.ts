import { expect, test } from "vitest";
import { admitted, byFallback, many, refusedByQuota, unanswered } from "./journal.world.ts";
import { balanceUsage } from "./usage.ts";

const entries = [...many(10, admitted), byFallback(20, { cost: 5 }), refusedByQuota(30), unanswered(40, { cost: 3 })];

test("what was admitted must be in the rows, what was left unanswered may be", () => {
  expect(balanceUsage(entries, new Map([["acme", 15]]))).toEqual({ lost: 0, surplus: 0 });
  expect(balanceUsage(entries, new Map([["acme", 18]]))).toEqual({ lost: 0, surplus: 0 });
});

test("less is lost, more was counted twice", () => {
  expect(balanceUsage(entries, new Map([["acme", 14]]))).toEqual({ lost: 1, surplus: 0 });
  expect(balanceUsage(entries, new Map([["acme", 20]]))).toEqual({ lost: 0, surplus: 2 });
  expect(balanceUsage(entries, new Map())).toEqual({ lost: 15, surplus: 0 });
});

test("one tenant's surplus does not make up for another's loss", () => {
  const two = [...entries, admitted(50, { tenant: "other", cost: 4 })];
  const recorded = new Map([
    ["acme", 22],
    ["other", 0],
  ]);
  expect(balanceUsage(two, recorded)).toEqual({ lost: 4, surplus: 4 });
});
