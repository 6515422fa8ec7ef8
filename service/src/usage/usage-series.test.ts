import { expect, test } from "vitest";
import { ERASED_USER, OTHER_USER, shownUser, storedUser } from "./special-users.ts";
import { fillGaps, rangesOf, seriesOf, type UsageReport, usageItem } from "./usage-series.ts";

const report: UsageReport = {
  kind: "day",
  tenant: "acme",
  user: null,
  api: null,
  from: 20261120,
  to: 20261202,
  groupBy: "tenant",
};

test("a report is a series when a tenant and whatever it is grouped by are given", () => {
  expect(seriesOf(report)).toEqual({ tenant: "acme", member: "" });
  expect(seriesOf({ ...report, tenant: null })).toBe(null);
  expect(seriesOf({ ...report, groupBy: "user" })).toBe(null);
  expect(seriesOf({ ...report, groupBy: "user", user: "(anonymous)" })).toEqual({ tenant: "acme", member: "" });
  expect(seriesOf({ ...report, groupBy: "api", api: "GET /v1", user: "kim" })).toEqual({
    tenant: "acme",
    member: "GET /v1",
  });
});

test("periods in which nothing happened are rows of zeros, in order", () => {
  const series = { tenant: "acme", member: "" };
  const row = { period: 20261121, ...series, total: 5, denied: 1 };
  expect(fillGaps([20261120, 20261121], series, [row])).toEqual([
    { period: 20261120, ...series, total: 0, denied: 0 },
    row,
  ]);
});

test("a report of a tenant is read by months, one of all tenants by days, from where the page begins", () => {
  expect([...rangesOf(report, null)]).toEqual([
    { month: 202611, first: 20261120, last: 20261131 },
    { month: 202612, first: 20261201, last: 20261202 },
  ]);
  const after = { period: 20261201, tenant: "a", member: "" };
  expect([...rangesOf(report, after)]).toEqual([{ month: 202612, first: 20261201, last: 20261202 }]);
  expect([...rangesOf({ ...report, tenant: null }, after)]).toEqual([
    { month: 202612, first: 20261201, last: 20261201 },
    { month: 202612, first: 20261202, last: 20261202 },
  ]);
  const monthly = { ...report, kind: "month" as const, from: 202611, to: 202612, tenant: null };
  expect([...rangesOf(monthly, { ...after, period: 202612 })]).toEqual([
    { month: 202612, first: 20261201, last: 20261231 },
  ]);
});

test("an item names what its rows were narrowed to or grouped by, and null what they add up", () => {
  const row = { period: 20261121, tenant: "acme", member: OTHER_USER, total: 5, denied: 1 };
  expect(usageItem({ ...report, groupBy: "user", api: "GET /v1" }, row)).toEqual({
    tenantId: "acme",
    userId: "(other)",
    api: "GET /v1",
    period: "2026-11-21",
    total: 5,
    denied: 1,
  });
  expect(usageItem({ ...report, kind: "month" }, { ...row, period: 202611, member: "" })).toMatchObject({
    userId: null,
    api: null,
    period: "2026-11",
  });
});

test("special users are shown in brackets and found by what is shown; others stay as they are", () => {
  for (const stored of ["", OTHER_USER, ERASED_USER, "kim"]) expect(storedUser(shownUser(stored))).toBe(stored);
  expect(["", OTHER_USER, ERASED_USER].map(shownUser)).toEqual(["(anonymous)", "(other)", "(erased)"]);
});
