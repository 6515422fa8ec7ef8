import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  EMPTY_QUOTA,
  MAX_QUOTA_SUM,
  type QuotaEntry,
  type QuotaState,
  quotaAdmits,
  quotaRemaining,
  quotaResetMs,
  quotaRetryMs,
  quotaUsed,
  rebaseQuota,
  rollQuota,
  takeQuota,
} from "./quota.ts";
import { periodHolding, periodsAt } from "./quota-period.ts";

type Numbers = [label: number, base: number, since: number];
type Step = {
  label: number;
  cost: number;
  newGeneration: boolean;
  admitted: boolean;
  used: number;
  remaining: number;
  current: Numbers;
  previous: Numbers;
};
type History = {
  name: string;
  limit: number;
  shadow: boolean;
  start: { current: Numbers; previous: Numbers };
  steps: Step[];
};

const golden: { histories: History[] } = JSON.parse(
  readFileSync(new URL("./vectors/quota.json", import.meta.url), "utf8"),
);

/** The quota in BigInt: what was taken per label, before and in the present generation, of which two labels are kept. */
class Reference {
  readonly base = new Map<number, bigint>();
  readonly since = new Map<number, bigint>();
  /** The two labels that are kept, the greater first; 0 = none. */
  kept: [number, number];

  constructor({ current, previous }: History["start"]) {
    this.kept = [current[0], previous[0]];
    for (const [label, base, since] of [previous, current]) this.set(label, BigInt(base), BigInt(since));
  }

  set(label: number, base: bigint, since: bigint): void {
    this.base.set(label, base);
    this.since.set(label, since);
  }

  used(label: number): bigint {
    return (this.base.get(label) ?? 0n) + (this.since.get(label) ?? 0n);
  }

  /** Where a clock in period `label` counts, and the labels kept when it has counted there. */
  openedAt(label: number): { label: number; kept: [number, number] } {
    const [greatest, second] = this.kept;
    if (label > greatest) return { label, kept: [label, greatest] };
    return { label: label === second ? second : greatest, kept: this.kept };
  }

  numbers(label: number): Numbers {
    return [label, Number(this.base.get(label) ?? 0n), Number(this.since.get(label) ?? 0n)];
  }

  step(label: number, cost: number, newGeneration: boolean, limit: number, shadow: boolean): Step {
    if (newGeneration) for (const kept of this.kept) this.set(kept, this.used(kept), 0n);
    const opened = this.openedAt(label);
    const admitted = this.used(opened.label) + BigInt(cost) <= BigInt(limit);
    if (cost > 0 && (admitted || shadow)) {
      this.kept = opened.kept;
      const room = BigInt(MAX_QUOTA_SUM) - this.used(opened.label);
      const taken = room < BigInt(cost) ? room : BigInt(cost);
      this.since.set(opened.label, (this.since.get(opened.label) ?? 0n) + taken);
    }
    const used = this.used(opened.label);
    return {
      label,
      cost,
      newGeneration,
      admitted,
      used: Number(used),
      remaining: used > BigInt(limit) ? 0 : Number(BigInt(limit) - used),
      current: this.numbers(opened.kept[0]),
      previous: this.numbers(opened.kept[1]),
    };
  }
}

/** The same step by the arithmetic under test: the step and the state that is stored after it. */
function stepOf(
  stored: QuotaState,
  limit: number,
  shadow: boolean,
  label: number,
  cost: number,
  newGeneration: boolean,
) {
  const settled = newGeneration ? rebaseQuota(stored) : stored;
  const rolled = rollQuota(settled, label);
  const admitted = quotaAdmits(rolled, label, limit, cost);
  const written = cost > 0 && (admitted || shadow);
  const state = written ? takeQuota(rolled, label, cost) : rolled;
  const step: Step = {
    label,
    cost,
    newGeneration,
    admitted,
    used: quotaUsed(state, label),
    remaining: quotaRemaining(state, label, limit),
    current: numbersOf(state.current),
    previous: numbersOf(state.previous),
  };
  return { step, stored: written ? state : settled };
}

describe.each(golden.histories)("golden: $name", ({ limit, shadow, start, steps }) => {
  test("the arithmetic gives it", () => {
    let stored: QuotaState = { current: entryOf(start.current), previous: entryOf(start.previous) };
    for (const expected of steps) {
      const taken = stepOf(stored, limit, shadow, expected.label, expected.cost, expected.newGeneration);
      expect(taken.step).toEqual(expected);
      stored = taken.stored;
    }
  });

  test("BigInt gives it", () => {
    const reference = new Reference(start);
    for (const expected of steps) {
      const step = reference.step(expected.label, expected.cost, expected.newGeneration, limit, shadow);
      expect(step).toEqual(expected);
    }
  });
});

const MAX_QUOTA = 10 ** 15;
const MAX_COST = 1_000_000;
const random = { seed: 20261122, numRuns: 2_000 };

const limits = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: MAX_QUOTA - 10, max: MAX_QUOTA }));
const costs = fc.oneof(fc.nat(8), fc.nat(MAX_COST), fc.constant(MAX_COST));
const sums = fc.oneof(
  fc.nat(40),
  fc.integer({ min: MAX_QUOTA - MAX_COST, max: MAX_QUOTA }),
  fc.integer({ min: MAX_QUOTA_SUM / 2 - 5, max: MAX_QUOTA_SUM / 2 }),
);
const labels = fc.integer({ min: 20261120, max: 20261126 });

test("random histories, steps back, new generations and saturated sums included, equal BigInt", () => {
  const step = fc.record({ label: labels, cost: costs, newGeneration: fc.boolean() });
  const steps = fc.array(step, { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(limits, fc.boolean(), sums, sums, steps, (limit, shadow, base, since, drawn) => {
      const start: History["start"] = { current: [20261121, base, since], previous: [0, 0, 0] };
      const reference = new Reference(start);
      let stored: QuotaState = { current: entryOf(start.current), previous: entryOf(start.previous) };
      for (const { label, cost, newGeneration } of drawn) {
        const taken = stepOf(stored, limit, shadow, label, cost, newGeneration);
        expect(taken.step).toEqual(reference.step(label, cost, newGeneration, limit, shadow));
        stored = taken.stored;
      }
    }),
    random,
  );
});

test("remaining is the greatest cost that passes", () => {
  fc.assert(
    fc.property(limits, sums, sums, (limit, base, since) => {
      const state = { current: { label: 202611, base, since }, previous: EMPTY_QUOTA.previous };
      const remaining = quotaRemaining(state, 202611, limit);
      if (remaining > 0) expect(quotaAdmits(state, 202611, limit, remaining)).toBe(true);
      expect(quotaAdmits(state, 202611, limit, remaining + 1)).toBe(false);
    }),
    random,
  );
});

test("a new generation changes what is base and what is since, never what is used", () => {
  const state = takeQuota(rollQuota(takeQuota(rollQuota(EMPTY_QUOTA, 202610), 202610, 5), 202611), 202611, 7);
  const settled = rebaseQuota(state);
  expect(settled).toEqual({
    current: { label: 202611, base: 7, since: 0 },
    previous: { label: 202610, base: 5, since: 0 },
  });
  expect(rebaseQuota(settled)).toEqual(settled);
});

test("a clock that steps back finds its old period, and one that finds none reopens nothing", () => {
  const day23 = takeQuota(rollQuota(takeQuota(rollQuota(EMPTY_QUOTA, 20261121), 20261121, 10), 20261123), 20261123, 10);
  expect(quotaUsed(rollQuota(day23, 20261121), 20261121)).toBe(10);
  expect(quotaUsed(rollQuota(day23, 20261122), 20261122)).toBe(10);
  expect(quotaUsed(rollQuota(day23, 20261101), 20261101)).toBe(10);
  expect(quotaUsed(rollQuota(day23, 20261124), 20261124)).toBe(0);
});

test("the retry time of a full quota is the start of the next period of the tenant's zone", () => {
  const nowMs = Date.parse("2026-11-22T15:30:00Z");
  const { day, month } = periodsAt("Asia/Seoul", nowMs);
  const full = (label: number) => takeQuota(rollQuota(EMPTY_QUOTA, label), label, 10);
  expect(quotaRetryMs(full(20261123), day, nowMs, 10, 1)).toBe(Date.parse("2026-11-23T15:00:00Z") - nowMs);
  expect(quotaRetryMs(full(202611), month, nowMs, 10, 1)).toBe(Date.parse("2026-11-30T15:00:00Z") - nowMs);
  expect(quotaRetryMs(full(202611), month, nowMs, 12, 2)).toBe(0);
  expect(quotaRetryMs(full(202611), month, nowMs, 10, 11)).toBeNull();
  expect(quotaRetryMs(EMPTY_QUOTA, month, nowMs, 10, 11)).toBeNull();
});

test("at the very midnight the day that just ended is no way in", () => {
  const midnight = Date.parse("2026-11-23T00:00:00Z");
  const { day } = periodsAt("UTC", midnight);
  const state = takeQuota(rollQuota(takeQuota(rollQuota(EMPTY_QUOTA, 20261122), 20261122, 1), 20261123), 20261123, 10);
  expect(quotaRetryMs(state, day, midnight, 10, 1)).toBe(86_400_000);
  expect(quotaRetryMs(state, day, midnight - 1, 10, 1)).toBe(0);
});

test("the retry time is the first instant that passes, wherever the clock stands among the periods handed in", () => {
  const minutes = fc.integer({ min: -1_400, max: 2_800 });
  const taken = fc.array(fc.tuple(minutes, fc.integer({ min: 1, max: 10 })), { maxLength: 6 });
  const zones = fc.constantFrom("UTC", "Asia/Seoul", "America/New_York", "Australia/Lord_Howe");
  fc.assert(
    fc.property(zones, taken, minutes, fc.integer({ min: 1, max: 10 }), (zone, takes, minute, cost) => {
      const baseMs = Date.parse("2026-10-31T12:00:00Z");
      const { day } = periodsAt(zone, baseMs);
      const labelAt = (atMs: number) => periodHolding(day, atMs)?.label ?? 0;
      let state: QuotaState = EMPTY_QUOTA;
      for (const [at, amount] of takes) {
        const label = labelAt(baseMs + at * 60_000);
        if (label > 0) state = takeQuota(rollQuota(state, label), label, amount);
      }
      const nowMs = baseMs + minute * 60_000;
      fc.pre(labelAt(nowMs) > 0);
      const passesAt = (atMs: number) => quotaAdmits(rollQuota(state, labelAt(atMs)), labelAt(atMs), 10, cost);
      let firstMs = nowMs;
      while (firstMs < day.next.endMs && !passesAt(firstMs)) firstMs += 60_000;
      expect(quotaRetryMs(state, day, nowMs, 10, cost)).toBe(firstMs - nowMs);
    }),
    { seed: 20261122, numRuns: 400 },
  );
});

test("a quota resets at the end of the period that holds the clock, not of the one expected", () => {
  const { day } = periodsAt("UTC", Date.parse("2026-11-22T12:00:00Z"));
  expect(quotaResetMs(day, Date.parse("2026-11-22T23:59:59.999Z"))).toBe(Date.parse("2026-11-23T00:00:00Z"));
  expect(quotaResetMs(day, Date.parse("2026-11-23T00:00:00Z"))).toBe(Date.parse("2026-11-24T00:00:00Z"));
  expect(quotaResetMs(day, Date.parse("2026-11-21T23:00:00Z"))).toBe(Date.parse("2026-11-22T00:00:00Z"));
});

function numbersOf(entry: QuotaEntry): Numbers {
  return [entry.label, entry.base, entry.since];
}

function entryOf([label, base, since]: Numbers): QuotaEntry {
  return { label, base, since };
}
