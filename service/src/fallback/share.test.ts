import fc from "fast-check";
import { expect, test } from "vitest";
import { shareOf, windowsToNextTurn } from "./share.ts";

const everyWorker = (workers: number) => Array.from({ length: workers }, (_, ordinal) => ({ workers, ordinal }));
const sumOf = (amount: number, workers: number, bucket: number) =>
  everyWorker(workers).reduce((sum, portion) => sum + shareOf(amount, portion, bucket), 0);

test("an amount of one or more per worker is divided alike, rounded down, in every window", () => {
  for (const portion of everyWorker(4)) {
    expect([0, 1, 2, 3].map((bucket) => shareOf(11, portion, bucket))).toEqual([2, 2, 2, 2]);
  }
});

test("one for four workers is one per window, handed round", () => {
  const turns = everyWorker(4).map((portion) => [0, 1, 2, 3].map((bucket) => shareOf(1, portion, bucket)));
  expect(turns).toEqual([
    [1, 0, 0, 0],
    [0, 0, 0, 1],
    [0, 0, 1, 0],
    [0, 1, 0, 0],
  ]);
});

const amounts = fc.integer({ min: 1, max: 500 });
const workerCounts = fc.integer({ min: 1, max: 64 });
const buckets = fc.integer({ min: 0, max: 2_000_000_000 });

test("all workers together never give out more than the amount in any window, and never nothing", () => {
  fc.assert(
    fc.property(amounts, workerCounts, buckets, (amount, workers, bucket) => {
      const sum = sumOf(amount, workers, bucket);
      expect(sum).toBeLessThanOrEqual(amount);
      expect(sum).toBeGreaterThan(amount - workers);
      expect(sum).toBeGreaterThan(0);
    }),
    { seed: 20261122 },
  );
});

test("every worker gets its turn within ceil(workers / amount) windows", () => {
  fc.assert(
    fc.property(workerCounts, buckets, fc.nat(), fc.nat(), (workers, bucket, anyAmount, anyOrdinal) => {
      const amount = 1 + (anyAmount % workers);
      const portion = { workers, ordinal: anyOrdinal % workers };
      const windows = windowsToNextTurn(amount, portion, bucket);
      expect(windows).toBeLessThanOrEqual(Math.ceil(workers / amount));
      expect(shareOf(amount, portion, bucket + windows)).toBeGreaterThanOrEqual(1);
    }),
    { seed: 20261122 },
  );
});

test("workers whose ordinals collide still keep to the amount on average over the windows", () => {
  const collided = { workers: 4, ordinal: 2 };
  const given = Array.from({ length: 400 }, (_, bucket) => 4 * shareOf(1, collided, bucket));
  expect(given.reduce((sum, one) => sum + one, 0)).toBe(400);
});

test("nothing left is nobody's share", () => {
  expect(sumOf(0, 4, 7)).toBe(0);
});
