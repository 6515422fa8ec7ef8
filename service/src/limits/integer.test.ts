import fc from "fast-check";
import { expect, test } from "vitest";
import { exactFloorDivide } from "./integer.ts";

const LARGEST = 2 ** 53 - 1;
const divisors = fc.oneof(fc.constantFrom(1, 2, 3, 1_000, 60_000, 86_400), fc.integer({ min: 1, max: 10 ** 11 }));

test("floor division agrees with BigInt for every sign and size", () => {
  const dividends = fc.integer({ min: -LARGEST, max: LARGEST });
  fc.assert(
    fc.property(dividends, divisors, (a, b) => {
      expect(BigInt(exactFloorDivide(a, b))).toBe(floorOf(BigInt(a), BigInt(b)));
    }),
    { seed: 20261122, numRuns: 3_000 },
  );
});

test("floor division is exact right beside a multiple, up to 2^53", () => {
  fc.assert(
    fc.property(divisors, fc.nat(100_000), fc.constantFrom(-1, 0, 1), fc.boolean(), (b, below, beside, negative) => {
      const multiple = Math.max(0, Math.floor(LARGEST / b) - 1 - below) * b;
      const a = (negative ? -1 : 1) * (multiple + beside);
      expect(BigInt(exactFloorDivide(a, b))).toBe(floorOf(BigInt(a), BigInt(b)));
    }),
    { seed: 20261122, numRuns: 5_000 },
  );
});

function floorOf(a: bigint, b: bigint): bigint {
  return a / b - (a % b < 0n ? 1n : 0n);
}
