import { expect, test } from "vitest";
import { figureOf, median, quantile, ratios } from "./statistics.ts";

test("the median of an even number of values lies between the middle two", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 5])).toBe(5);
});

test("a quantile is a value that occurred, and enough of the others are no greater", () => {
  const sorted = Float64Array.from({ length: 1_000 }, (_, index) => index + 1);
  expect(quantile(sorted, 0.5)).toBe(500);
  expect(quantile(sorted, 0.99)).toBe(990);
  expect(quantile(sorted, 0.999)).toBe(999);
  expect(quantile(sorted, 1)).toBe(1_000);
  expect(quantile([7], 0.01)).toBe(7);
});

test("nothing has neither a median nor a quantile", () => {
  expect(() => median([])).toThrow();
  expect(() => quantile([], 0.5)).toThrow();
});

test("ratios are taken round by round", () => {
  expect(ratios([10, 30], [5, 10])).toEqual([2, 3]);
});

test("a figure tells how far its rounds lie apart", () => {
  expect(figureOf("x", "ms", [80, 1, 3, 2, 4, 5, 6, 7])).toMatchObject({ value: 4.5, middleHalf: [2, 6], goal: null });
});
