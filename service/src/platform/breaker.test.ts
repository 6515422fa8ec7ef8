import { expect, test } from "vitest";
import { Breaker } from "./breaker.ts";

function opened(): Breaker {
  const breaker = new Breaker();
  for (let i = 0; i < 4; i += 1) expect(breaker.failed()).toBe(false);
  expect(breaker.failed()).toBe(true);
  return breaker;
}

test("five failures in a row open it, and say so once", () => {
  const breaker = opened();
  expect(breaker.isOpen).toBe(true);
  expect(breaker.admits(0)).toBe(false);
  expect(breaker.failed()).toBe(false);
});

test("a success between failures keeps it closed", () => {
  const breaker = new Breaker();
  for (let i = 0; i < 7; i += 1) {
    for (let j = 0; j < 4; j += 1) expect(breaker.failed()).toBe(false);
    for (let j = 0; j < 6; j += 1) breaker.succeeded();
  }
  expect(breaker.isOpen).toBe(false);
});

test("a node that is slow for every second call opens it, too", () => {
  const breaker = new Breaker();
  let openedAt = 0;
  for (let call = 1; call <= 40 && openedAt === 0; call += 1) {
    if (call % 2 === 1) breaker.succeeded();
    else if (breaker.failed()) openedAt = call;
  }
  expect(openedAt).toBe(32);
});

test("three good probes in a row close it, a bad one starts over", () => {
  const breaker = opened();
  expect([breaker.probed(true, 0), breaker.probed(true, 0), breaker.probed(false, 0)]).toEqual([false, false, false]);
  expect([breaker.probed(true, 0), breaker.probed(true, 0), breaker.probed(true, 0)]).toEqual([false, false, true]);
  expect(breaker.isOpen).toBe(false);
});

test("traffic comes back over a second, evenly", () => {
  const breaker = opened();
  for (let i = 0; i < 3; i += 1) breaker.probed(true, 1_000);
  const admittedAt = (nowMs: number) => Array.from({ length: 100 }, () => breaker.admits(nowMs)).filter(Boolean).length;
  expect(admittedAt(1_000)).toBe(0);
  expect(admittedAt(1_250)).toBe(25);
  expect(admittedAt(1_750)).toBe(75);
  expect(admittedAt(2_000)).toBe(100);
});

test("what failed before it opened does not open it again", () => {
  const breaker = opened();
  for (let i = 0; i < 3; i += 1) breaker.probed(true, 0);
  for (let i = 0; i < 4; i += 1) expect(breaker.failed()).toBe(false);
});
