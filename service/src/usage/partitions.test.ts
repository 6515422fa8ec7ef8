import { expect, test } from "vitest";
import { monthsToOpen, oldestMonth } from "./partitions.ts";

const RETENTION = { usageMonths: 24, limitHitDays: 90 };

test("in the middle of a month it and the next are open", () => {
  expect(monthsToOpen(Date.parse("2026-11-15T00:00:00Z"))).toEqual([202611, 202612]);
});

test("around the turn of the year every month that some zone is in is open, and one more", () => {
  expect(monthsToOpen(Date.parse("2026-12-31T12:00:00Z"))).toEqual([202612, 202701, 202702]);
  expect(monthsToOpen(Date.parse("2027-01-01T11:59:59Z"))).toEqual([202612, 202701, 202702]);
});

test("usage is kept for whole months, limit hits for days, rounded up to whole months, wherever the tenant is", () => {
  const at = Date.parse("2027-01-01T06:00:00Z");
  expect(oldestMonth("usage_rows", at, RETENTION)).toBe(202412);
  expect(oldestMonth("denied_rows", at, RETENTION)).toBe(202412);
  expect(oldestMonth("usage_rows", at + 86_400_000, RETENTION)).toBe(202501);
  expect(oldestMonth("limit_hits", Date.parse("2026-04-01T12:00:00Z"), RETENTION)).toBe(202512);
  expect(oldestMonth("limit_hits", Date.parse("2026-04-02T12:00:00Z"), RETENTION)).toBe(202601);
});

test("quotas are kept while their period is open and a month longer, wherever the tenant is", () => {
  expect(oldestMonth("quota_rows", Date.parse("2027-01-01T06:00:00Z"), RETENTION)).toBe(202611);
  expect(oldestMonth("quota_rows", Date.parse("2027-01-02T06:00:00Z"), RETENTION)).toBe(202612);
});
