import { expect, test } from "vitest";
import { acknowledge, acknowledgedOn, OVERFLOW_USER, UsageTotals } from "./usage-totals.ts";

const TODAY = 20261122;

test("a row's sums grow per day, and yesterday's is kept for what is late", () => {
  const row = new UsageTotals().row("acme", "GET /v1", "kim", TODAY, 10);
  acknowledge(row, TODAY, 3);
  acknowledge(row, TODAY + 1, 5);
  acknowledge(row, TODAY, 2);
  expect([acknowledgedOn(row, TODAY), acknowledgedOn(row, TODAY + 1), acknowledgedOn(row, TODAY + 2)]).toEqual([
    5, 5, 0,
  ]);
});

test("the same tenant, API and user are one row; any other is another", () => {
  const totals = new UsageTotals();
  const row = totals.row("acme", "GET /v1", "kim", TODAY, 10);
  expect(totals.row("acme", "GET /v1", "kim", TODAY, 10)).toBe(row);
  for (const [tenant, api, user] of [
    ["acme2", "GET /v1", "kim"],
    ["acme", "GET /v2", "kim"],
    ["acme", "GET /v1", ""],
  ] as const) {
    expect(totals.row(tenant, api, user, TODAY, 10)).not.toBe(row);
  }
});

test("users beyond the day's bound share the overflow user's row, known ones keep theirs, a new day has room", () => {
  const totals = new UsageTotals();
  const first = totals.row("acme", "GET /v1", "u1", TODAY, 2);
  totals.row("acme", "GET /v1", "u2", TODAY, 2);
  const overflow = totals.row("acme", "GET /v1", OVERFLOW_USER, TODAY, 2);
  expect(totals.row("acme", "GET /v1", "u3", TODAY, 2)).toBe(overflow);
  expect(totals.row("acme", "GET /v1", "u1", TODAY, 2)).toBe(first);
  expect(totals.row("acme", "GET /v1", "u3", TODAY + 1, 2)).not.toBe(overflow);
});

test("a full table starts over under another incarnation, so a dropped row cannot come back as if it were new", () => {
  const totals = new UsageTotals();
  const before = totals.incarnation;
  const dropped = totals.row("acme", "GET /v1", "u0", TODAY, 1_000_000);
  for (let user = 1; user <= 200_000; user += 1) totals.row("acme", "GET /v1", `u${user}`, TODAY, 1_000_000);
  expect(totals.incarnation).not.toBe(before);
  expect(totals.row("acme", "GET /v1", "u0", TODAY, 1_000_000)).not.toBe(dropped);
});
