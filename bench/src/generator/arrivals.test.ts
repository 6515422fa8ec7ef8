import { expect, test } from "vitest";
import { arrivals } from "./arrivals.ts";

test("arrivals ascend, keep within the time, and come at the rate asked for", () => {
  const offsetsMs = arrivals(1_000, 20, 7);
  expect(offsetsMs).toEqual(offsetsMs.toSorted());
  expect(offsetsMs.at(-1)).toBeLessThan(20_000);
  // Four standard deviations of a Poisson count of 20 000.
  expect(Math.abs(offsetsMs.length - 20_000)).toBeLessThan(566);
});

test("gaps are exponential: about a share of 1/e is longer than the mean", () => {
  const offsetsMs = arrivals(1_000, 20, 7);
  const gaps = offsetsMs.map((offset, index) => offset - (offsetsMs[index - 1] ?? 0));
  expect(gaps.filter((gap) => gap > 1).length / gaps.length).toBeCloseTo(1 / Math.E, 1);
});

test("a seed gives the same arrivals again, another seed others", () => {
  expect(arrivals(100, 1, 3)).toEqual(arrivals(100, 1, 3));
  expect(arrivals(100, 1, 3)).not.toEqual(arrivals(100, 1, 4));
});
