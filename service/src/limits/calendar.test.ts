import { expect, test } from "vitest";
import { createCalendar, MAX_REMEMBERED_ZONES } from "./calendar.ts";
import { periodsAt } from "./quota-period.ts";

const noon = Date.parse("2026-11-22T12:00:00Z");

test("within one day of a zone the same periods are handed out again", () => {
  const calendar = createCalendar();
  const periods = calendar.periods("Asia/Seoul", noon);
  expect(calendar.periods("Asia/Seoul", periods.day.current.startMs)).toBe(periods);
  expect(calendar.periods("Asia/Seoul", periods.day.current.endMs - 1)).toBe(periods);
});

test("leaving the day forwards or backwards asks anew", () => {
  const calendar = createCalendar();
  const { current } = calendar.periods("Asia/Seoul", noon).day;
  expect(calendar.periods("Asia/Seoul", current.endMs)).toEqual(periodsAt("Asia/Seoul", current.endMs));
  expect(calendar.periods("Asia/Seoul", current.endMs).day.current.label).toBe(20261123);
  expect(calendar.periods("Asia/Seoul", current.startMs - 1).day.current.label).toBe(20261121);
});

test("zones do not share a memory", () => {
  const calendar = createCalendar();
  const late = Date.parse("2026-11-22T20:00:00Z");
  expect(calendar.periods("UTC", late).day.current.label).toBe(20261122);
  expect(calendar.periods("Asia/Seoul", late).day.current.label).toBe(20261123);
  expect(calendar.periods("UTC", late).day.current.label).toBe(20261122);
});

test("an unknown zone is a RangeError, not a guess", () => {
  expect(() => createCalendar().periods("Mars/Olympus", noon)).toThrow(RangeError);
});

test("the bound on remembered zones is above the number of zones there are", () => {
  expect(Intl.supportedValuesOf("timeZone").length * 2).toBeLessThan(MAX_REMEMBERED_ZONES);
});
