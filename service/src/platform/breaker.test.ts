import { expect, test } from "vitest";
import { Breaker } from "./breaker.ts";

/** Failed from `fromMs` on, every 20 ms, until it opened. */
function opened(fromMs = 0): Breaker {
  const breaker = new Breaker();
  for (let nowMs = fromMs; nowMs < fromMs + 100; nowMs += 20) expect(breaker.failed(nowMs)).toBe(false);
  expect(breaker.failed(fromMs + 100)).toBe(true);
  return breaker;
}

function close(breaker: Breaker, nowMs: number): void {
  const probes = [breaker.probed(true, nowMs), breaker.probed(true, nowMs), breaker.probed(true, nowMs)];
  expect(probes).toEqual([false, false, true]);
}

/** Of a hundred calls at that instant. */
function admittedAt(breaker: Breaker, nowMs: number): number {
  return Array.from({ length: 100 }, () => breaker.admits(nowMs)).filter(Boolean).length;
}

test("a tenth of a second of failures without a success opens it, and it says so once", () => {
  const breaker = opened();
  expect(breaker.isOpen).toBe(true);
  expect(breaker.admits(100)).toBe(false);
  expect(breaker.failed(101)).toBe(false);
});

test("after five failures one call in 25 ms asks, until anything is heard of the node", () => {
  const breaker = new Breaker();
  for (let call = 0; call < 4; call += 1) breaker.failed(0);
  expect(admittedAt(breaker, 0)).toBe(100);
  breaker.failed(0);
  expect([10, 34, 35, 36, 60].map((nowMs) => admittedAt(breaker, nowMs))).toEqual([1, 0, 1, 0, 1]);
  expect(breaker.isOpen).toBe(false);
  breaker.heard();
  expect(admittedAt(breaker, 61)).toBe(100);
});

test("a node that replies, but always too late, opens it all the same", () => {
  const breaker = new Breaker();
  for (let nowMs = 0; nowMs < 100; nowMs += 20) {
    expect(breaker.failed(nowMs)).toBe(false);
    breaker.heard();
  }
  expect(breaker.failed(100)).toBe(true);
});

test("a pause of the node for less than that does not, however many calls fall into it", () => {
  const breaker = new Breaker();
  for (let nowMs = 0; nowMs < 1_000; nowMs += 0.5) breaker.succeeded(nowMs);
  for (let nowMs = 1_000; nowMs < 1_090; nowMs += 0.5) expect(breaker.failed(nowMs)).toBe(false);
  breaker.succeeded(1_090);
  for (let nowMs = 1_100; nowMs < 1_190; nowMs += 0.5) expect(breaker.failed(nowMs)).toBe(false);
});

test("nor do fewer than five calls, however long they fail", () => {
  const breaker = new Breaker();
  for (let second = 0; second < 4; second += 1) expect(breaker.failed(second * 1_000)).toBe(false);
  expect(breaker.failed(4_000)).toBe(true);
});

test("a success between failures keeps it closed", () => {
  const breaker = new Breaker();
  for (let nowMs = 0; nowMs < 10_000; nowMs += 30) {
    if (nowMs % 90 === 0) expect(breaker.failed(nowMs)).toBe(false);
    else breaker.succeeded(nowMs);
  }
  expect(breaker.isOpen).toBe(false);
});

/** Every second call fails. Returns when that opened it, ms; null when it did not. */
function openedByHalf(breaker: Breaker, fromMs: number, everyMs: number): number | null {
  for (let call = 0; call < 400; call += 1) {
    const nowMs = fromMs + call * everyMs;
    if (call % 2 === 0) breaker.succeeded(nowMs);
    else if (breaker.failed(nowMs)) return nowMs;
  }
  return null;
}

test.each([2, 10, 50])(
  "a node that is slow for every second call, one every %i ms, opens it within a second",
  (everyMs) => {
    const atMs = openedByHalf(new Breaker(), 5_000, everyMs);
    expect(atMs).toBeGreaterThanOrEqual(5_500);
    expect(atMs).toBeLessThanOrEqual(6_000);
  },
);

test("a node that is asked a few times a second is not called slow: without it every answer would be a guess", () => {
  expect(openedByHalf(new Breaker(), 0, 100)).toBeNull();
});

test("a second without calls is forgotten", () => {
  const breaker = new Breaker();
  for (let call = 0; call < 40; call += 1) {
    if (call % 4 === 3) breaker.succeeded(call * 12);
    else breaker.failed(call * 12);
  }
  expect(breaker.isOpen).toBe(false);
  for (let call = 0; call < 40; call += 1) {
    if (call % 4 === 3) breaker.succeeded(1_500 + call * 12);
    else expect(breaker.failed(1_500 + call * 12)).toBe(false);
  }
});

test("three good probes in a row close it, a bad one starts over", () => {
  const breaker = opened();
  const bad = [breaker.probed(true, 200), breaker.probed(true, 300), breaker.probed(false, 400)];
  expect(bad).toEqual([false, false, false]);
  close(breaker, 500);
  expect(breaker.isOpen).toBe(false);
});

test("traffic comes back evenly over a second", () => {
  const breaker = opened();
  close(breaker, 5_000);
  expect([5_000, 5_250, 5_750, 6_000].map((nowMs) => admittedAt(breaker, nowMs))).toEqual([0, 25, 75, 100]);
});

test("after a short outage it comes back over as long as that took", () => {
  const breaker = opened();
  close(breaker, 500);
  expect([500, 600, 800, 900].map((nowMs) => admittedAt(breaker, nowMs))).toEqual([0, 25, 75, 100]);
});

test("what failed before it opened does not open it again", () => {
  const breaker = opened();
  close(breaker, 500);
  for (let nowMs = 500; nowMs < 600; nowMs += 20) expect(breaker.failed(nowMs)).toBe(false);
  expect(breaker.failed(600)).toBe(true);
});
