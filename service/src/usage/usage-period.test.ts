import * as fc from "fast-check";
import { expect, test } from "vitest";
import { countPeriods, monthOf, parsePeriod, periodsBefore, periodsBetween, periodText } from "./usage-period.ts";

test("days and months are read and written in one form only", () => {
  expect(parsePeriod("day", "2026-11-22")).toBe(20261122);
  expect(parsePeriod("month", "2026-11")).toBe(202611);
  expect(periodText("day", 20260101)).toBe("2026-01-01");
  expect(periodText("month", 202602)).toBe("2026-02");
  for (const wrong of ["2026-02-29", "2026-13-01", "2026-1-1", "20261122", "2026-11", "", "2026-11-22T00:00"]) {
    expect(parsePeriod("day", wrong)).toBe(null);
  }
  for (const wrong of ["2026-00", "2026-11-22", "202611"]) expect(parsePeriod("month", wrong)).toBe(null);
});

test("periods follow each other across the ends of months and years", () => {
  expect(periodsBetween("day", 20240228, 20240301)).toEqual([20240228, 20240229, 20240301]);
  expect(periodsBetween("month", 202611, 202702)).toEqual([202611, 202612, 202701, 202702]);
  expect(periodsBetween("day", 20261122, 20261121)).toEqual([]);
  expect(periodsBefore("day", 20240301, 2)).toBe(20240228);
  expect(periodsBefore("month", 202702, 3)).toBe(202611);
});

test("as many periods are counted as are listed, each in its month and readable as written", () => {
  const day = fc.integer({ min: 0, max: 3_000 }).map((days) => labelOfDay(days));
  fc.assert(
    fc.property(day, day, (from, to) => {
      const days = periodsBetween("day", from, to);
      expect(days.length).toBe(Math.max(0, countPeriods("day", from, to)));
      for (const label of days.slice(0, 40)) expect(parsePeriod("day", periodText("day", label))).toBe(label);
      const months = periodsBetween("month", monthOf("day", from), monthOf("day", to));
      expect(months.length).toBe(Math.max(0, countPeriods("month", monthOf("day", from), monthOf("day", to))));
      expect([...new Set(days.map((label) => monthOf("day", label)))]).toEqual(months.filter(() => days.length > 0));
    }),
    { seed: 22, numRuns: 50 },
  );
});

function labelOfDay(days: number): number {
  return Number(new Date(Date.UTC(2024, 0, 1 + days)).toISOString().slice(0, 10).replaceAll("-", ""));
}
