import { expect, test } from "vitest";
import { firstWriteAfterMs, longestPauseMs } from "./admin-writer.ts";

const writes = { acknowledged: [], acknowledgedAtMs: [100, 200, 300, 340, 9_000, 9_100], refused: [] };

test("an outage is as long as its longest pause, however soon the change was acknowledged that was on its way", () => {
  expect(longestPauseMs(writes, 310, 9_200)).toBe(8_660);
  expect(longestPauseMs(writes, 8_000, 9_200)).toBe(1_000);
});

test("who was never heard of again has paused until the end", () => {
  expect(longestPauseMs(writes, 310, 60_000)).toBe(50_900);
  expect(longestPauseMs(writes, 9_100, 60_000)).toBe(50_900);
});

test("what was mended is back with the first change after it", () => {
  expect(firstWriteAfterMs(writes, 310)).toBe(30);
  expect(firstWriteAfterMs(writes, 9_100)).toBe(Number.POSITIVE_INFINITY);
});
