import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  EMPTY_SLIDING,
  isAheadOf,
  MAX_SUM,
  rollSliding,
  SLIDING_WINDOWS,
  type SlidingState,
  slidingAdmits,
  slidingRemaining,
  slidingResetMs,
  slidingRetryMs,
  slidingUsed,
  takeSliding,
} from "./sliding-window.ts";

type Name = keyof typeof SLIDING_WINDOWS;
type Numbers = [bucket: number, current: number, previous: number];
type Step = {
  nowMs: number;
  cost: number;
  admitted: boolean;
  retryMs: number | null;
  used: number;
  remaining: number;
  state: Numbers;
};
type History = { name: string; window: Name; limit: number; shadow: boolean; start: Numbers; steps: Step[] };

const golden: { histories: History[] } = JSON.parse(
  readFileSync(new URL("./vectors/sliding-window.json", import.meta.url), "utf8"),
);

/** The window in BigInt, from its definition: a sum per bucket, and a search over ticks instead of a solved inequality. */
class Reference {
  readonly window: Name;
  readonly width: bigint;
  readonly tickMs: bigint;
  readonly sums = new Map<bigint, bigint>();

  constructor(window: Name, [bucket, current, previous]: Numbers) {
    this.window = window;
    this.width = BigInt(SLIDING_WINDOWS[window].width);
    this.tickMs = BigInt(SLIDING_WINDOWS[window].tickMs);
    this.sums.set(BigInt(bucket), BigInt(current)).set(BigInt(bucket) - 1n, BigInt(previous));
  }

  /** Current and previous sum as read at a tick: nothing is written. */
  read(tick: bigint): [current: bigint, previous: bigint] {
    const bucket = tick / this.width;
    const latest = this.latest();
    if (latest > bucket) return [smaller(this.sum(latest) + this.sum(latest - 1n), BigInt(MAX_SUM)), 0n];
    return [this.sum(bucket), this.sum(bucket - 1n)];
  }

  latest(): bigint {
    return [...this.sums.keys()].sort((a, b) => Number(b - a))[0] ?? 0n;
  }

  sum(bucket: bigint): bigint {
    return this.sums.get(bucket) ?? 0n;
  }

  /** width × (previous × (1 − phase / width) + current) */
  estimateTimesWidth(tick: bigint): bigint {
    const [current, previous] = this.read(tick);
    return previous * (this.width - (tick % this.width)) + current * this.width;
  }

  admits(tick: bigint, limit: bigint, cost: bigint): boolean {
    return this.estimateTimesWidth(tick) + cost * this.width <= limit * this.width;
  }

  write(tick: bigint, cost: bigint): void {
    const [current, previous] = this.read(tick);
    const bucket = tick / this.width;
    this.sums.clear();
    this.sums.set(bucket, smaller(current + cost, BigInt(MAX_SUM))).set(bucket - 1n, previous);
  }

  retryMs(nowMs: bigint, limit: bigint, cost: bigint): bigint | null {
    const now = nowMs / this.tickMs;
    if (cost > limit) return null;
    if (this.admits(now, limit, cost)) return 0n;
    const [current, previous] = this.read(now);
    const waiting = new Reference(this.window, [Number(now / this.width), Number(current), Number(previous)]);
    let refused = now;
    let passes = (now / this.width + 2n) * this.width;
    while (passes - refused > 1n) {
      const middle = (passes + refused) / 2n;
      if (waiting.admits(middle, limit, cost)) passes = middle;
      else refused = middle;
    }
    return passes * this.tickMs - nowMs;
  }

  /** One step of a history, by the rules written in the head of the vectors. */
  step(nowMs: number, cost: number, limit: number, shadow: boolean): Step {
    const tick = BigInt(nowMs) / this.tickMs;
    const admitted = this.admits(tick, BigInt(limit), BigInt(cost));
    const retryMs = this.retryMs(BigInt(nowMs), BigInt(limit), BigInt(cost));
    if (cost > 0 && (admitted || shadow)) this.write(tick, BigInt(cost));
    else if (this.latest() > tick / this.width) this.write(tick, 0n);
    const [current, previous] = this.read(tick);
    const used = (this.estimateTimesWidth(tick) + this.width - 1n) / this.width;
    const remaining = BigInt(limit) > used ? BigInt(limit) - used : 0n;
    return {
      nowMs,
      cost,
      admitted,
      retryMs: retryMs === null ? null : Number(retryMs),
      used: Number(used),
      remaining: Number(remaining),
      state: [Number(tick / this.width), Number(current), Number(previous)],
    };
  }
}

/** The same step by the arithmetic under test: the step and the state that is stored after it. */
function stepOf(history: Omit<History, "steps" | "name" | "start">, stored: SlidingState, nowMs: number, cost: number) {
  const window = SLIDING_WINDOWS[history.window];
  const rolled = rollSliding(window, stored, nowMs);
  const admitted = slidingAdmits(window, rolled, nowMs, history.limit, cost);
  const written = cost > 0 && (admitted || history.shadow);
  const state = written ? takeSliding(rolled, cost) : rolled;
  const rebased = isAheadOf(window, stored, nowMs);
  const step: Step = {
    nowMs,
    cost,
    admitted,
    retryMs: slidingRetryMs(window, rolled, nowMs, history.limit, cost),
    used: slidingUsed(window, state, nowMs),
    remaining: slidingRemaining(window, state, nowMs, history.limit),
    state: [state.bucket, state.current, state.previous],
  };
  return { step, stored: written || rebased ? state : stored };
}

describe.each(golden.histories)("golden: $name", (history) => {
  const [bucket, current, previous] = history.start;

  test("the arithmetic gives it", () => {
    let stored: SlidingState = { bucket, current, previous };
    for (const expected of history.steps) {
      const taken = stepOf(history, stored, expected.nowMs, expected.cost);
      expect(taken.step).toEqual(expected);
      stored = taken.stored;
    }
  });

  test("BigInt gives it", () => {
    const reference = new Reference(history.window, history.start);
    for (const expected of history.steps) {
      expect(reference.step(expected.nowMs, expected.cost, history.limit, history.shadow)).toEqual(expected);
    }
  });
});

const MAX_LIMIT = 10 ** 10;
const MAX_COST = 1_000_000;
const NOON_MS = Date.parse("2026-11-22T12:00:00Z");
const random = { seed: 20261122, numRuns: 2_000 };

const windows = fc.constantFrom<Name>("second", "minute", "day");
const limits = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: MAX_LIMIT - 10, max: MAX_LIMIT }));
const costs = fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: MAX_COST }), fc.constant(MAX_COST));
const sums = fc.oneof(
  fc.integer({ min: 0, max: 60 }),
  fc.integer({ min: 0, max: MAX_LIMIT }),
  fc.integer({ min: MAX_SUM - 5, max: MAX_SUM }),
);
/** Moves of the clock as multiples of the window, so that every window meets its edges. */
const moves = fc.oneof(
  fc.double({ min: 0, max: 1.2, noNaN: true }),
  fc.double({ min: -2.5, max: 2.5, noNaN: true }),
  fc.constantFrom(0, 1, -1, 2),
);
const phases = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** A state right in the bucket of an instant, and that instant. */
const situations = fc.record({ name: windows, current: sums, previous: sums, phase: phases }).map((drawn) => {
  const window = SLIDING_WINDOWS[drawn.name];
  const lengthMs = window.width * window.tickMs;
  const bucket = Math.floor(NOON_MS / lengthMs);
  const nowMs = bucket * lengthMs + Math.floor(drawn.phase * lengthMs);
  return { name: drawn.name, window, nowMs, state: { bucket, current: drawn.current, previous: drawn.previous } };
});

test("random histories, clock steps and saturated sums included, equal BigInt", () => {
  const step = fc.record({ move: moves, cost: costs });
  const history = fc.record({
    name: windows,
    limit: limits,
    shadow: fc.boolean(),
    start: fc.tuple(sums, sums),
    steps: fc.array(step, { minLength: 1, maxLength: 12 }),
  });
  fc.assert(
    fc.property(history, ({ name, limit, shadow, start, steps }) => {
      const lengthMs = SLIDING_WINDOWS[name].width * SLIDING_WINDOWS[name].tickMs;
      const numbers: Numbers = [Math.floor(NOON_MS / lengthMs), ...start];
      const reference = new Reference(name, numbers);
      let stored: SlidingState = { bucket: numbers[0], current: numbers[1], previous: numbers[2] };
      let nowMs = NOON_MS;
      for (const { move, cost } of steps) {
        nowMs += Math.round(move * lengthMs);
        const taken = stepOf({ window: name, limit, shadow }, stored, nowMs, cost);
        expect(taken.step).toEqual(reference.step(nowMs, cost, limit, shadow));
        stored = taken.stored;
      }
    }),
    random,
  );
});

test("every product of the arithmetic stays below 2^53", () => {
  const { width } = SLIDING_WINDOWS.day;
  expect(MAX_SUM * width).toBeLessThan(Number.MAX_SAFE_INTEGER);
  expect((MAX_SUM + MAX_COST) * width).toBeLessThan(Number.MAX_SAFE_INTEGER);
});

test("at the retry time the cost passes, one millisecond before it does not", () => {
  fc.assert(
    fc.property(situations, limits, costs, ({ window, nowMs, state }, limit, cost) => {
      const retryMs = slidingRetryMs(window, state, nowMs, limit, cost);
      if (retryMs === null) {
        expect(cost).toBeGreaterThan(limit);
        return;
      }
      const passesAt = (atMs: number) => slidingAdmits(window, rollSliding(window, state, atMs), atMs, limit, cost);
      expect(passesAt(nowMs + retryMs)).toBe(true);
      if (retryMs > 0) expect(passesAt(nowMs + retryMs - 1)).toBe(false);
      expect(retryMs).toBeLessThanOrEqual(2 * window.width * window.tickMs);
    }),
    random,
  );
});

test("no instant before the retry time would have passed", () => {
  const window = SLIDING_WINDOWS.second;
  const small = fc.integer({ min: 0, max: 40 });
  const millisecond = fc.nat(999);
  fc.assert(
    fc.property(
      small,
      small,
      millisecond,
      fc.integer({ min: 1, max: 20 }),
      fc.nat(20),
      (current, previous, ms, limit, cost) => {
        fc.pre(cost <= limit);
        const nowMs = 1_800_000_000_000 + ms;
        const state = { bucket: 1_800_000_000, current, previous };
        const passesAt = (atMs: number) => slidingAdmits(window, rollSliding(window, state, atMs), atMs, limit, cost);
        let firstMs = nowMs;
        while (firstMs < nowMs + 3_000 && !passesAt(firstMs)) firstMs += 1;
        expect(slidingRetryMs(window, state, nowMs, limit, cost)).toBe(firstMs - nowMs);
      },
    ),
    { seed: 20261122, numRuns: 300 },
  );
});

test("remaining is the greatest cost that passes", () => {
  fc.assert(
    fc.property(situations, limits, ({ window, nowMs, state }, limit) => {
      const remaining = slidingRemaining(window, state, nowMs, limit);
      const admits = (cost: number) => slidingAdmits(window, state, nowMs, limit, cost);
      expect(remaining).toBeGreaterThanOrEqual(0);
      if (remaining > 0) expect(admits(remaining)).toBe(true);
      expect(admits(remaining + 1)).toBe(false);
    }),
    random,
  );
});

test("a look passes exactly when the estimate is within the limit", () => {
  fc.assert(
    fc.property(situations, limits, ({ window, nowMs, state }, limit) => {
      expect(slidingAdmits(window, state, nowMs, limit, 0)).toBe(slidingUsed(window, state, nowMs) <= limit);
    }),
    random,
  );
});

test("what is admitted never exceeds the bound of the sliding window", () => {
  const steps = fc.array(fc.record({ forward: phases, cost: fc.integer({ min: 1, max: 8 }) }), { maxLength: 60 });
  fc.assert(
    fc.property(windows, fc.integer({ min: 1, max: 30 }), steps, (name, limit, drawn) => {
      const window = SLIDING_WINDOWS[name];
      const admitted = new Map<number, number>();
      let state = EMPTY_SLIDING;
      let tick = Math.floor(NOON_MS / window.tickMs);
      for (const { forward, cost } of drawn) {
        tick += Math.floor(forward * 0.4 * window.width);
        const nowMs = tick * window.tickMs;
        const rolled = rollSliding(window, state, nowMs);
        if (!slidingAdmits(window, rolled, nowMs, limit, cost)) continue;
        state = takeSliding(rolled, cost);
        const bucket = Math.floor(tick / window.width);
        admitted.set(bucket, (admitted.get(bucket) ?? 0) + cost);
        const weighted = (admitted.get(bucket - 1) ?? 0) * (window.width - (tick % window.width));
        expect((admitted.get(bucket) ?? 0) * window.width + weighted).toBeLessThanOrEqual(limit * window.width);
      }
    }),
    { seed: 20261122, numRuns: 500 },
  );
});

test("a clock that steps back keeps the sums and reopens nothing, however often it steps", () => {
  const steps = fc.array(
    phases.map((phase) => phase * 3),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(situations, limits, costs, steps, ({ window, nowMs, state }, limit, cost, back) => {
      fc.pre(!slidingAdmits(window, state, nowMs, limit, cost));
      let stepped: SlidingState = state;
      let atMs = nowMs;
      for (const lengths of back) {
        atMs -= Math.floor(lengths * window.width * window.tickMs);
        stepped = rollSliding(window, stepped, atMs);
        expect(stepped.current + stepped.previous).toBe(
          isAheadOf(window, state, atMs)
            ? Math.min(state.current + state.previous, MAX_SUM)
            : state.current + state.previous,
        );
        expect(slidingAdmits(window, stepped, atMs, limit, cost)).toBe(false);
      }
    }),
    random,
  );
});

test("the strictness after a step back is over after at most two windows", () => {
  fc.assert(
    fc.property(situations, limits, costs, moves, ({ window, nowMs, state }, limit, cost, move) => {
      const lengthMs = window.width * window.tickMs;
      const steppedMs = nowMs - Math.floor(Math.abs(move) * lengthMs);
      const stepped = rollSliding(window, state, steppedMs);
      const retryMs = slidingRetryMs(window, stepped, steppedMs, limit, cost);
      if (cost <= limit) expect(retryMs).toBeLessThanOrEqual(2 * lengthMs);
      const laterMs = steppedMs + 2 * lengthMs;
      expect(slidingUsed(window, rollSliding(window, stepped, laterMs), laterMs)).toBe(0);
    }),
    random,
  );
});

test("a bucket ends at the next multiple of its width, and its first instant belongs to it", () => {
  expect(slidingResetMs(SLIDING_WINDOWS.minute, NOON_MS)).toBe(NOON_MS + 60_000);
  expect(slidingResetMs(SLIDING_WINDOWS.minute, NOON_MS + 59_999)).toBe(NOON_MS + 60_000);
  expect(slidingResetMs(SLIDING_WINDOWS.day, NOON_MS + 1)).toBe(Date.parse("2026-11-23T00:00:00Z"));
});

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
