import { expect, test } from "vitest";
import type { Entry } from "../journal/entry.ts";
import type { ClockMove } from "./clock-moves.ts";
import { createCounterFinder } from "./counters.ts";
import { admitted, limited, many, NOON_MS, refusedByQuota, refusedByRate } from "./journal.world.ts";
import { findLimitFaults } from "./limit-faults.ts";
import { costBeyond } from "./over-admission.ts";

const HOUR_MS = 3_600_000;
const STEP_AT_MS = 10_000;

/** At ten seconds after noon. */
const movedBy = (aheadMs: number, over: Partial<ClockMove> = {}): ClockMove => {
  const fromMs = NOON_MS + STEP_AT_MS;
  return { fromMs, toMs: fromMs + 20, aheadMs, tenants: ["acme"], ...over };
};

function judged(limits: Parameters<typeof limited>[0], entries: readonly Entry[], moves: readonly ClockMove[]) {
  const { excesses, wrongDenials } = findLimitFaults(entries, createCounterFinder(limited(limits)), moves);
  return { rates: costBeyond(excesses, "rate"), quotas: costBeyond(excesses, "quota"), wrong: wrongDenials.length };
}

const NONE = { rates: 0, quotas: 0, wrong: 0 };
const before = many(10, (index) => admitted(STEP_AT_MS - 900 + index));
const after = many(10, (index) => admitted(STEP_AT_MS + 50 + index));

test("a step forward opens a sliding window once, and not again", () => {
  const limits = { perSecond: 10 };
  expect(judged(limits, [...before, ...after], [movedBy(5_000)])).toEqual(NONE);
  const again = many(3, (index) => admitted(STEP_AT_MS + 70 + index));
  expect(judged(limits, [...before, ...after, ...again], [movedBy(5_000)])).toEqual({ ...NONE, rates: 3 });
});

test("a step back opens no sliding window, where its buckets begin as before", () => {
  const entries = [...before.map((entry) => ({ ...entry, sentMs: entry.sentMs + 895 - 40 })), ...after];
  expect(judged({ perMinute: 15 }, entries, [movedBy(-HOUR_MS)])).toEqual({ ...NONE, rates: 5 });
});

test("an instant that comes again after a step back is not held against rate limits", () => {
  const limits = { perSecond: 10 };
  const earlier = many(10, (index) => admitted(STEP_AT_MS - 4_900 + index));
  const same = many(10, (index) => admitted(STEP_AT_MS + 100 + index));
  expect(judged(limits, [...earlier, ...same], [movedBy(-5_000)])).toEqual(NONE);
});

test("after a step back a window may refuse too much for two of its lengths", () => {
  const limits = { perSecond: 10, perMinute: 1_000 };
  const refusals = (atMs: number) => [refusedByRate(STEP_AT_MS + atMs)];
  expect(judged(limits, refusals(1_900), [movedBy(-5_000)]).wrong).toBe(0);
  expect(judged(limits, refusals(2_100), [movedBy(-5_000)]).wrong).toBe(1);
  expect(judged(limits, refusals(1_900), [movedBy(5_000)]).wrong).toBe(1);
  expect(judged(limits, refusals(-100), [movedBy(-5_000)]).wrong).toBe(1);
});

test("a step back excuses no refusal by a quota", () => {
  expect(judged({ quotaPerMonth: 10 }, [refusedByQuota(STEP_AT_MS + 100)], [movedBy(-5_000)]).wrong).toBe(1);
});

test("a quota begins anew where the store's clock enters its month, and is one over all moves within it", () => {
  const limits = { quotaPerMonth: 10 };
  const entries = [...before, ...after];
  const toDecemberMs = Date.parse("2026-12-01T00:00:00.000Z") - NOON_MS;
  expect(judged(limits, entries, [movedBy(toDecemberMs)])).toEqual(NONE);
  const moves = [movedBy(HOUR_MS, { fromMs: 0, toMs: 0 }), movedBy(-HOUR_MS)];
  expect(judged(limits, entries, moves)).toEqual({ ...NONE, quotas: 10 });
  const full = refusedByQuota(STEP_AT_MS + 50);
  expect(judged(limits, [...before, full], moves).wrong).toBe(0);
  expect(judged(limits, [...before, full], [movedBy(toDecemberMs)]).wrong).toBe(1);
});

test("who asked while clocks were moved may have been counted on either side", () => {
  const limits = { perSecond: 10 };
  const during = many(20, (index) => admitted(STEP_AT_MS + 2 + index / 10));
  expect(judged(limits, during, [movedBy(5_000)]).rates).toBe(0);
  const refused = refusedByRate(STEP_AT_MS + 60);
  expect(judged(limits, [...during.slice(0, 10), refused], [movedBy(5_000)]).wrong).toBe(0);
});

test("a clock that was moved for others changes nothing", () => {
  const limits = { perMinute: 10 };
  const moves = [movedBy(HOUR_MS, { tenants: ["other"] })];
  expect(judged(limits, [...before, ...after], moves)).toEqual(judged(limits, [...before, ...after], []));
  expect(judged(limits, [...before, ...after], moves).rates).toBe(10);
});
