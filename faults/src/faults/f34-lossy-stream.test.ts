import { expect, test } from "vitest";
import { seededRandom } from "../load/requests.ts";
import { createLossyStream, GOOD_LINE, type Line } from "./f34-lossy-stream.ts";

/** Chance as it is told, and then good luck for ever. */
const luck =
  (...values: number[]) =>
  () =>
    values.shift() ?? 0.99;
const LOSSY: Line = { lostShare: 0.5, reorderedShare: 0 };
/** A connection that opens at once. */
const OPEN = 0.99;

test("a good line delivers at once", () => {
  const stream = createLossyStream(0, () => GOOD_LINE, seededRandom(1));
  stream.send(5, 10);
  stream.send(5, 100_000);
  expect(stream.arrivals(5)).toBe(2);
  expect(stream.nextMs()).toBeNull();
});

test("a lost packet comes after a timeout, and whatever was sent behind it waits", () => {
  const stream = createLossyStream(0, () => LOSSY, luck(OPEN, 0.1));
  stream.send(0, 10);
  stream.send(3, 10);
  expect(stream.arrivals(199)).toBe(0);
  expect(stream.nextMs()).toBe(200);
  expect(stream.arrivals(200)).toBe(2);
  expect(stream.arrivals(200)).toBe(0);
});

test("the timeout doubles with each loss of the same packet", () => {
  const stream = createLossyStream(0, () => LOSSY, luck(OPEN, 0.1, 0.1, 0.1));
  stream.send(0, 10);
  expect(stream.nextMs()).toBe(200 + 400 + 800);
});

test("three packets behind a lost one bring it a round trip later", () => {
  const stream = createLossyStream(0, () => LOSSY, luck(OPEN, 0.1));
  for (const atMs of [0, 10, 20]) stream.send(atMs, 10);
  expect(stream.nextMs()).toBe(200);
  stream.send(30, 10);
  expect(stream.nextMs()).toBe(31);
  expect(stream.arrivals(31)).toBe(4);
});

test("a piece of many packets arrives when the last of them has", () => {
  const stream = createLossyStream(0, () => LOSSY, luck(OPEN, 0.99, 0.99, 0.1));
  stream.send(0, 3 * 1_448);
  expect(stream.arrivals(100)).toBe(0);
  expect(stream.arrivals(200)).toBe(1);
});

test("a connection whose first packet is lost opens a second later", () => {
  const stream = createLossyStream(0, () => LOSSY, luck(0.1));
  stream.send(1, 10);
  expect(stream.nextMs()).toBe(1_000);
});

test("a reordered packet is a little late and is never overtaken", () => {
  const stream = createLossyStream(0, () => ({ lostShare: 0, reorderedShare: 0.5 }), luck(OPEN, 0.99, 0.1, 0.7));
  stream.send(0, 10);
  stream.send(1, 10);
  expect(stream.nextMs()).toBe(4);
  expect(stream.arrivals(4)).toBe(2);
});

test("of many packets on a line as many are late as are lost", () => {
  const random = seededRandom(7);
  const lostShare = 0.1;
  const stream = createLossyStream(0, () => ({ lostShare, reorderedShare: 0 }), random);
  const count = 10_000;
  let late = 0;
  for (let packet = 0; packet < count; packet += 1) {
    const atMs = 10_000 + packet * 10_000;
    stream.send(atMs, 10);
    if (stream.arrivals(atMs) === 0) late += 1;
    stream.arrivals(atMs + 9_999);
  }
  expect(late / count).toBeGreaterThan(lostShare - 0.01);
  expect(late / count).toBeLessThan(lostShare + 0.01);
});
