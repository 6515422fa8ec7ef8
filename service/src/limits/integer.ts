// Integer division that stays exact up to 2^53, where `Math.floor(a / b)` may round up to the next integer.

/** floor(a / b) for safe integers a and b > 0. */
export function exactFloorDivide(a: number, b: number): number {
  const remainder = a % b;
  return (a - (remainder < 0 ? remainder + b : remainder)) / b;
}
