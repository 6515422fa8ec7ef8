import { expect, test } from "vitest";
import type { Told } from "./generator/job.ts";
import { fallbackAnswers, firstOkMs, isClear, phasesOf, type Round } from "./outage-phases.ts";

const frozen = { name: "frozen", beganMs: 1_000, returnedMs: 3_000, settledMs: 5_000 };

test("a check that was asked before a fault and answered in it belongs to the fault and its beginning", () => {
  const phases = phasesOf(roundOf([told(990, 999), told(995, 1_003), told(1_099, 1_099.5), told(1_100, 1_101)]));
  expect(duesOf(phases.get("healthy"))).toEqual([990]);
  expect(duesOf(phases.get("frozen"))).toEqual([995, 1_099, 1_100]);
  expect(duesOf(phases.get("frozen, first 100 ms"))).toEqual([995, 1_099]);
});

test("the way back is parted by the instant of the first answer OK; what follows the next fault is no part of it", () => {
  const phases = phasesOf(roundOf([told(3_100, 3_101, "ALLOW_FALLBACK"), told(5_000, 5_001)]));
  expect(duesOf(phases.get("frozen and back, until the first OK"))).toEqual([3_000, 3_100, 3_400]);
  expect(duesOf(phases.get("frozen and back, after the first OK"))).toEqual([3_500]);
});

test("the first OK counts from the return, and by when it was answered", () => {
  expect(firstOkMs(roundOf([told(3_399, 3_499), told(3_100, 3_101, "ALLOW_FALLBACK")]), frozen)).toBe(401);
});

test("the Fallback answers of a fault are those of its way back, too, and not those before it", () => {
  const before = told(900, 901, "ALLOW_FALLBACK");
  const during = [told(999, 1_008, "ALLOW_FALLBACK"), told(2_000, 2_001, "BLOCK_FALLBACK"), told(2_500, 2_501)];
  const later = told(5_000, 5_001, "ALLOW_FALLBACK");
  expect(fallbackAnswers(roundOf([before, ...during, later]), frozen)).toBe(3);
});

test("an outage that does not end is a fault of the measurement", () => {
  const round: Round = { checks: [told(3_100, 3_101, "ALLOW_FALLBACK"), told(5_000, 5_001)], faults: [frozen] };
  expect(() => firstOkMs(round, frozen)).toThrow(/2000 ms after: frozen/);
});

test("a check is left out for stalls in the time that all have, however long it took itself", () => {
  const stalls = [{ fromMs: 108, toMs: 120 }];
  expect(isClear(told(97, 98), stalls, 10)).toBe(true);
  expect(isClear(told(99, 99.5), stalls, 10)).toBe(false);
  expect(isClear(told(97, 150), stalls, 10)).toBe(true);
  expect(isClear(told(119, 119.5), stalls, 10)).toBe(false);
  expect(isClear(told(121, 130), stalls, 10)).toBe(true);
});

test("a check that the generator came to late is left out", () => {
  expect(isClear({ ...told(100, 103), noticedMs: 102 }, [], 10)).toBe(false);
});

/** With one check that fell back at the return and two that were OK after it. */
function roundOf(checks: readonly Told[]): Round {
  const back = [told(3_000, 3_002, "ALLOW_FALLBACK"), told(3_400, 3_401), told(3_500, 3_501)];
  return { checks: [...checks, ...back].toSorted((a, b) => a.dueMs - b.dueMs), faults: [frozen] };
}

function told(dueMs: number, answeredMs: number, outcome = "OK"): Told {
  return { dueMs, noticedMs: dueMs, answeredMs, outcome };
}

function duesOf(checks: readonly Told[] = []): number[] {
  return checks.map(({ dueMs }) => dueMs);
}
