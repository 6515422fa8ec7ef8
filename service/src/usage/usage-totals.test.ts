import { expect, test } from "vitest";
import { acknowledgedOn, OVERFLOW_USER, UsageTotals } from "./usage-totals.ts";

const TODAY = 20261122;

function rowOf(totals: UsageTotals, user = "kim") {
  return totals.row("acme", "GET /v1", user, TODAY, 1_000_000);
}
/** What would be written down now, as [day, total]. */
function written(totals: UsageTotals) {
  return totals.takeChanged(100).totals.map(({ dayLabel, total }) => [dayLabel, total]);
}

test("a row's sums grow per day, and yesterday's is kept for what is late", () => {
  const totals = new UsageTotals("p");
  const row = rowOf(totals);
  totals.acknowledge(row, TODAY, 3);
  totals.acknowledge(row, TODAY + 1, 5);
  totals.acknowledge(row, TODAY, 2);
  expect([TODAY, TODAY + 1, TODAY + 2].map((day) => acknowledgedOn(row, day))).toEqual([5, 5, 0]);
});

test("the same tenant, API and user are one row; any other is another", () => {
  const totals = new UsageTotals("p");
  const row = rowOf(totals);
  expect(rowOf(totals)).toBe(row);
  for (const [tenant, api, user] of [
    ["acme2", "GET /v1", "kim"],
    ["acme", "GET /v2", "kim"],
    ["acme", "GET /v1", ""],
  ] as const) {
    expect(totals.row(tenant, api, user, TODAY, 10)).not.toBe(row);
  }
});

test("users beyond the day's bound share the overflow user's row, known ones keep theirs, a new day has room", () => {
  const totals = new UsageTotals("p");
  const first = totals.row("acme", "GET /v1", "u1", TODAY, 2);
  totals.row("acme", "GET /v1", "u2", TODAY, 2);
  const overflow = totals.row("acme", "GET /v1", OVERFLOW_USER, TODAY, 2);
  expect(totals.row("acme", "GET /v1", "u3", TODAY, 2)).toBe(overflow);
  expect(totals.row("acme", "GET /v1", "u1", TODAY, 2)).toBe(first);
  expect(totals.row("acme", "GET /v1", "u3", TODAY + 1, 2)).not.toBe(overflow);
});

test("a full table starts over under another incarnation, so a dropped row cannot come back as if it were new", () => {
  const totals = new UsageTotals("p", 100);
  const dropped = rowOf(totals);
  totals.acknowledge(dropped, TODAY, 3);
  for (let user = 1; user <= 100; user += 1) rowOf(totals, `u${user}`);
  const again = rowOf(totals);
  expect(again).not.toBe(dropped);
  expect(again.incarnation).not.toBe(dropped.incarnation);
  expect(written(totals), "what was not written down outlives its table").toEqual([[TODAY, 3]]);
});

test("only sums that grew are handed out, each as it stands, and those put back come again", () => {
  const totals = new UsageTotals("p");
  const row = rowOf(totals);
  totals.acknowledge(row, TODAY, 3);
  totals.acknowledge(row, TODAY, 4);
  const { rows, totals: first } = totals.takeChanged(100);
  expect(first).toEqual([
    {
      ...{ tenant: "acme", user: "kim", usageApi: "GET /v1", dayLabel: TODAY, incarnation: "p.0" },
      ...{ source: "STORE", total: 7, retracted: 0 },
    },
  ]);
  expect(written(totals)).toEqual([]);
  totals.putBack(rows);
  totals.acknowledge(row, TODAY, 1);
  expect(written(totals)).toEqual([[TODAY, 8]]);
  totals.acknowledge(row, TODAY + 1, 2);
  expect(written(totals), "the day before is as it was").toEqual([[TODAY + 1, 2]]);
  totals.noteSince(TODAY);
  expect(written(totals)).toEqual([
    [TODAY + 1, 2],
    [TODAY, 8],
  ]);
  totals.noteSince(TODAY + 1);
  expect(written(totals), "closed days are left alone").toEqual([[TODAY + 1, 2]]);
  totals.noteSince(TODAY + 2);
  expect(written(totals)).toEqual([]);
});

test("a third day takes nothing away that was not written down", () => {
  const totals = new UsageTotals("p");
  const row = rowOf(totals);
  for (const [day, cost] of [3, 5, 7].entries()) totals.acknowledge(row, TODAY + day, cost);
  expect(written(totals)).toEqual([
    [TODAY + 2, 7],
    [TODAY + 1, 5],
    [TODAY, 3],
  ]);
});

test("a clock that steps back before a row's first day is counted in the day it is in, and no day begins anew", () => {
  const totals = new UsageTotals("p");
  const row = rowOf(totals);
  totals.acknowledge(row, TODAY, 3);
  totals.acknowledge(row, TODAY + 2, 7);
  totals.acknowledge(row, TODAY + 1, 4);
  totals.acknowledge(row, TODAY + 1, 1);
  expect([TODAY + 1, TODAY + 2].map((day) => acknowledgedOn(row, day))).toEqual([5, 7]);
  totals.acknowledge(row, TODAY, 9);
  expect(written(totals), "what was left is written down as it was").toEqual([
    [TODAY + 2, 7],
    [TODAY + 1, 5],
    [TODAY, 3],
  ]);
});

test("a row that was first taken from after midnight has yesterday's sum when the clock steps back", () => {
  const totals = new UsageTotals("p");
  const row = rowOf(totals);
  totals.acknowledge(row, TODAY + 1, 7);
  totals.acknowledge(row, TODAY, 3);
  expect([TODAY, TODAY + 1].map((day) => acknowledgedOn(row, day))).toEqual([3, 7]);
  expect(written(totals)).toEqual([
    [TODAY + 1, 7],
    [TODAY, 3],
  ]);
});

test("what others wrote beyond what was acknowledged is retracted, and sums go on from there", () => {
  const totals = new UsageTotals("p");
  const [row, refused] = [rowOf(totals), rowOf(totals, "lee")];
  totals.acknowledge(row, TODAY, 3);
  totals.acknowledge(row, TODAY + 1, 5);
  const others = (user: string, dayLabel: number, total: number, retracted = 0) => ({
    ...{ tenant: "acme", user, usageApi: "GET /v1", dayLabel, incarnation: "p.0" },
    ...{ source: "STORE" as const, total, retracted },
  });
  const sums = () =>
    totals.takeChanged(100).totals.map(({ dayLabel, total, retracted }) => [dayLabel, total, retracted]);
  sums();
  totals.retractBeyond([others("kim", TODAY, 7), others("kim", TODAY + 1, 4), others("nobody", TODAY, 9)]);
  expect(sums()).toEqual([[TODAY, 7, 4]]);
  totals.retractBeyond([others("kim", TODAY, 7, 4)]);
  expect(sums(), "it is retracted already").toEqual([]);
  totals.acknowledge(row, TODAY, 2);
  expect(sums()).toEqual([[TODAY, 9, 4]]);
  totals.retractBeyond([others("kim", TODAY, 11, 4)]);
  expect(sums(), "harvested once more").toEqual([[TODAY, 11, 6]]);
  totals.retractBeyond([others("lee", TODAY, 6)]);
  expect(sums(), "nothing was ever acknowledged of it").toEqual([[TODAY, 6, 6]]);
  totals.acknowledge(refused, TODAY, 1);
  expect(sums()).toEqual([[TODAY, 7, 6]]);
});

test("what waits to be written down is bounded, and what is given up is counted", () => {
  const totals = new UsageTotals("p", 10);
  for (let user = 0; user < 25; user += 1) totals.acknowledge(rowOf(totals, `u${user}`), TODAY, 1);
  expect([totals.unwritten, totals.lost]).toEqual([20, 5]);
});
