// Integer division in doubles, and why it is exact.

/**
 * floor(a / b) for integers with |a| ≤ 2^53 and b > 0.
 * The quotient is rounded to the nearest double before `floor` sees it, yet never across an integer: a fraction lies at
 * least 1 / b from the integers beside it, and a double near q is at most q × 2^-53 off, which is less while q × b < 2^53.
 */
export function exactFloorDivide(a: number, b: number): number {
  return Math.floor(a / b);
}
