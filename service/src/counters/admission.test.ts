import { WINDOWS, type Window } from "@sluice/contract";
import { describe, expect, test } from "vitest";
import { periodsAt } from "../limits/quota-period.ts";
import {
  counterAdmits,
  EMPTY_COUNTER,
  rebaseCounter,
  rollCounter,
  takeCounter,
  windowAdmits,
  windowRemaining,
  windowResetMs,
  windowRetryMs,
  windowsOf,
  windowUsed,
} from "./admission.ts";
import type { Claim, WindowLimit } from "./claim.ts";

const nowMs = Date.parse("2026-11-22T12:00:30Z");
const periods = periodsAt("Asia/Seoul", nowMs);
const labels = { dayLabel: periods.day.current.label, monthLabel: periods.month.current.label };
const source = { policyId: "p-1", target: "TENANT", scope: "TENANT" } as const;

function limit(window: Window, capacity: number): WindowLimit {
  return { window, capacity, source };
}

function claim(enforced: WindowLimit[], shadow: WindowLimit[] = []): Claim {
  return { scope: "TENANT", api: null, enforced, shadow };
}

describe.each([
  ["second", "2026-11-22T12:00:31.000Z", "2026-11-22T12:00:31.100Z"],
  ["minute", "2026-11-22T12:01:00.000Z", "2026-11-22T12:01:06.000Z"],
  ["day", "2026-11-23T00:00:00.000Z", "2026-11-23T02:24:00.000Z"],
  ["quotaDay", "2026-11-22T15:00:00.000Z", "2026-11-22T15:00:00.000Z"],
  ["month", "2026-11-30T15:00:00.000Z", "2026-11-30T15:00:00.000Z"],
] as const)("window %s", (window, resetAt, passesAt) => {
  const state = takeCounter(EMPTY_COUNTER, [window], 10, nowMs, labels);

  test("is the only one that took", () => {
    expect(WINDOWS.filter((other) => windowUsed(state, other, nowMs, labels) > 0)).toEqual([window]);
    expect(windowUsed(state, window, nowMs, labels)).toBe(10);
  });

  test("answers every question about itself", () => {
    expect(windowAdmits(state, window, 11, 1, nowMs, labels)).toBe(true);
    expect(windowAdmits(state, window, 11, 2, nowMs, labels)).toBe(false);
    expect(windowRemaining(state, window, 11, nowMs, labels)).toBe(1);
    expect(windowRemaining(state, window, 9, nowMs, labels)).toBe(0);
    expect(windowResetMs(window, nowMs, periods)).toBe(Date.parse(resetAt));
    expect(windowRetryMs(state, window, 10, 1, nowMs, periods)).toBe(Date.parse(passesAt) - nowMs);
    expect(windowRetryMs(state, window, 11, 1, nowMs, periods)).toBe(0);
    expect(windowRetryMs(state, window, 10, 11, nowMs, periods)).toBeNull();
  });

  test("refuses as one of several limits", () => {
    const others = WINDOWS.filter((other) => other !== window).map((other) => limit(other, 100));
    const rolled = rollCounter(state, nowMs, labels.dayLabel, labels.monthLabel);
    expect(counterAdmits(rolled, claim([...others, limit(window, 10)]), 1, nowMs, labels)).toBe(false);
    expect(counterAdmits(rolled, claim(others, [limit(window, 10)]), 1, nowMs, labels)).toBe(true);
  });
});

test("rolling a counter that nothing moves in gives the counter itself", () => {
  const rolled = rollCounter(EMPTY_COUNTER, nowMs, labels.dayLabel, labels.monthLabel);
  expect(rolled).not.toBe(EMPTY_COUNTER);
  expect(rollCounter(rolled, nowMs, labels.dayLabel, labels.monthLabel)).toBe(rolled);
});

test("taking leaves the windows it does not name as they were stored", () => {
  const old = takeCounter(EMPTY_COUNTER, WINDOWS, 3, nowMs - 40 * 86_400_000, {
    dayLabel: 20261013,
    monthLabel: 202610,
  });
  const taken = takeCounter(old, ["minute", "month"], 2, nowMs, labels);
  expect({ ...taken, minute: null, month: null }).toEqual({ ...old, minute: null, month: null });
  expect(windowUsed(taken, "minute", nowMs, labels)).toBe(2);
});

test("re-basing moves only the named windows that lie ahead of the clock", () => {
  const state = takeCounter(EMPTY_COUNTER, WINDOWS, 3, nowMs, labels);
  const earlierMs = nowMs - 1_000;
  expect(rebaseCounter(state, WINDOWS, nowMs)).toBe(state);
  expect(rebaseCounter(state, ["minute", "month"], earlierMs)).toBe(state);
  const rebased = rebaseCounter(state, WINDOWS, earlierMs);
  expect(rebased).toEqual({ ...state, second: { bucket: state.second.bucket - 1, current: 3, previous: 0 } });
});

test("a window named as enforced and as shadow is one window", () => {
  const both = claim([limit("minute", 5), limit("month", 5)], [limit("minute", 1), limit("day", 1)]);
  expect(windowsOf(both)).toEqual(["minute", "month", "day"]);
  expect(windowsOf(both)).toBe(windowsOf(both));
});
