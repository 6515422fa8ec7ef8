import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Period, periodHolding, periodsAt } from "./quota-period.ts";

const HOUR_MS = 3_600_000;

function dayIn(timeZone: string, instant: string): Period {
  return periodsAt(timeZone, Date.parse(instant)).day.current;
}

function monthIn(timeZone: string, instant: string): Period {
  return periodsAt(timeZone, Date.parse(instant)).month.current;
}

function shown(period: Period): [label: number, start: string, end: string] {
  return [period.label, new Date(period.startMs).toISOString(), new Date(period.endMs).toISOString()];
}

describe.each([
  ["a plain day", "UTC", "2026-11-22T23:59:59.999Z", 20261122, "2026-11-22T00:00:00.000Z", 24],
  ["the first instant belongs to the day", "UTC", "2026-11-23T00:00:00Z", 20261123, "2026-11-23T00:00:00.000Z", 24],
  ["a zone east of Greenwich", "Asia/Seoul", "2026-11-22T15:00:00Z", 20261123, "2026-11-22T15:00:00.000Z", 24],
  ["a zone of 45 minutes", "Asia/Kathmandu", "2026-11-22T12:00:00Z", 20261122, "2026-11-21T18:15:00.000Z", 24],
  ["clocks forward: 23 hours", "America/New_York", "2026-03-08T12:00:00Z", 20260308, "2026-03-08T05:00:00.000Z", 23],
  ["clocks back: 25 hours", "America/New_York", "2026-11-01T12:00:00Z", 20261101, "2026-11-01T04:00:00.000Z", 25],
  ["the second of two equal hours", "Europe/Berlin", "2026-10-25T01:30:00Z", 20261025, "2026-10-24T22:00:00.000Z", 25],
  ["half an hour forward", "Australia/Lord_Howe", "2026-10-04T00:00:00Z", 20261004, "2026-10-03T13:30:00.000Z", 23.5],
  ["half an hour back", "Australia/Lord_Howe", "2026-04-05T00:00:00Z", 20260405, "2026-04-04T13:00:00.000Z", 24.5],
  ["a missing midnight", "America/Sao_Paulo", "2018-11-04T12:00:00Z", 20181104, "2018-11-04T03:00:00.000Z", 23],
  ["the day before it", "America/Sao_Paulo", "2018-11-04T02:59:59Z", 20181103, "2018-11-03T03:00:00.000Z", 24],
  [
    "a midnight that comes twice",
    "America/Sao_Paulo",
    "2018-02-18T02:30:00Z",
    20180217,
    "2018-02-17T02:00:00.000Z",
    25,
  ],
  ["a missing midnight in Cairo", "Africa/Cairo", "2023-04-28T12:00:00Z", 20230428, "2023-04-27T22:00:00.000Z", 23],
  ["the day before a skipped date", "Pacific/Apia", "2011-12-30T09:59:59Z", 20111229, "2011-12-29T10:00:00.000Z", 24],
  ["the day after a skipped date", "Pacific/Apia", "2011-12-30T10:00:00Z", 20111231, "2011-12-30T10:00:00.000Z", 24],
  ["a leap day", "Asia/Seoul", "2028-02-29T12:00:00Z", 20280229, "2028-02-28T15:00:00.000Z", 24],
  [
    "before a set-back over a begun day",
    "America/St_Johns",
    "2009-11-01T02:30:30Z",
    20091101,
    "2009-11-01T02:30:00.000Z",
    25,
  ],
  [
    "after a set-back over a begun day",
    "America/St_Johns",
    "2009-11-01T03:00:00Z",
    20091101,
    "2009-11-01T02:30:00.000Z",
    25,
  ],
])("%s: %s at %s", (_name, timeZone, instant, label, start, hours) => {
  test("is the day of its zone", () => {
    const day = dayIn(timeZone, instant);
    const end = new Date(Date.parse(start) + hours * HOUR_MS).toISOString();
    expect(shown(day)).toEqual([label, start, end]);
  });
});

describe.each([
  ["UTC", "2026-12-31T23:59:59.999Z", 202612, "2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"],
  ["UTC", "2027-02-14T00:00:00Z", 202702, "2027-02-01T00:00:00.000Z", "2027-03-01T00:00:00.000Z"],
  ["UTC", "2028-02-29T23:00:00Z", 202802, "2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z"],
  ["UTC", "2100-02-28T23:00:00Z", 210002, "2100-02-01T00:00:00.000Z", "2100-03-01T00:00:00.000Z"],
  ["Asia/Seoul", "2026-11-30T15:00:00Z", 202612, "2026-11-30T15:00:00.000Z", "2026-12-31T15:00:00.000Z"],
  ["America/New_York", "2026-11-01T05:30:00Z", 202611, "2026-11-01T04:00:00.000Z", "2026-12-01T05:00:00.000Z"],
  ["Pacific/Apia", "2011-12-31T00:00:00Z", 201112, "2011-12-01T10:00:00.000Z", "2011-12-31T10:00:00.000Z"],
  ["America/St_Johns", "2009-11-01T03:00:00Z", 200911, "2009-11-01T02:30:00.000Z", "2009-12-01T03:30:00.000Z"],
])("%s at %s", (timeZone, instant, label, start, end) => {
  test("is in the month of its zone", () => {
    expect(shown(monthIn(timeZone, instant))).toEqual([label, start, end]);
  });
});

test("neighbours adjoin and their labels rise, in every zone and at any time", () => {
  const zones = fc.constantFrom(...Intl.supportedValuesOf("timeZone"));
  const instants = fc.integer({ min: Date.parse("1971-01-02T00:00:00Z"), max: Date.parse("2040-01-01T00:00:00Z") });
  fc.assert(
    fc.property(zones, instants, (zone, nowMs) => {
      const { day, month } = periodsAt(zone, nowMs);
      for (const { previous, current, next } of [day, month]) {
        expect(current.startMs).toBeLessThanOrEqual(nowMs);
        expect(current.endMs).toBeGreaterThan(nowMs);
        expect(previous.endMs).toBe(current.startMs);
        expect(current.endMs).toBe(next.startMs);
        expect(previous.startMs).toBeLessThan(previous.endMs);
        expect(next.startMs).toBeLessThan(next.endMs);
        expect(previous.label).toBeLessThan(current.label);
        expect(current.label).toBeLessThan(next.label);
        expect([current.startMs % 1_000, current.endMs % 1_000]).toEqual([0, 0]);
      }
      expect(Math.floor(day.current.label / 100)).toBe(month.current.label);
    }),
    { seed: 20261122, numRuns: 400 },
  );
});

test("every instant around a change of the clock is in the period its neighbours leave for it", () => {
  const changes = [
    ["America/St_Johns", "2009-11-01T02:31:00Z"],
    ["America/Sao_Paulo", "2018-11-04T03:00:00Z"],
    ["Pacific/Apia", "2011-12-30T10:00:00Z"],
    ["Africa/Cairo", "2026-10-29T21:00:00Z"],
  ] as const;
  for (const [zone, change] of changes) {
    let before = dayIn(zone, new Date(Date.parse(change) - 30 * HOUR_MS).toISOString());
    for (let minute = -29 * 60; minute <= 29 * 60; minute += 5) {
      const nowMs = Date.parse(change) + minute * 60_000;
      const day = periodsAt(zone, nowMs).day.current;
      expect([day.startMs, day.label]).toEqual(
        nowMs < before.endMs ? [before.startMs, before.label] : [before.endMs, day.label],
      );
      before = day;
    }
  }
});

test("an instant is found among the three periods, and one outside is not", () => {
  const { day } = periodsAt("Asia/Seoul", Date.parse("2026-11-22T12:00:00Z"));
  expect(periodHolding(day, day.current.startMs)).toBe(day.current);
  expect(periodHolding(day, day.current.endMs - 1)).toBe(day.current);
  expect(periodHolding(day, day.current.endMs)).toBe(day.next);
  expect(periodHolding(day, day.current.startMs - 1)).toBe(day.previous);
  expect(periodHolding(day, day.next.endMs)).toBeNull();
  expect(periodHolding(day, day.previous.startMs - 1)).toBeNull();
});

test("a zone that does not exist is a RangeError", () => {
  expect(() => periodsAt("Mars/Olympus", 0)).toThrow(RangeError);
  expect(() => periodsAt("", 0)).toThrow(RangeError);
});
