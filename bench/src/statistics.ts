// Medians, quantiles and ratios of rounds.
import type { Figure, Goal } from "./scenario.ts";

/** The figure of several rounds: their median, and how far they lie apart. */
export function figureOf(name: string, unit: string, values: readonly number[], goal: Goal | null = null): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  const middleHalf = [quantile(sorted, 0.25), quantile(sorted, 0.75)] as const;
  return { name, unit, value: median(values), middleHalf, goal };
}

/** For what is measured once. */
export function single(name: string, unit: string, value: number, goal: Goal | null = null): Figure {
  return { name, unit, value, middleHalf: null, goal };
}

/** Round by round, so that what slows the machine down for a while slows both sides of a ratio. */
export function ratios(dividends: readonly number[], divisors: readonly number[]): number[] {
  return dividends.map((dividend, round) => dividend / (divisors[round] ?? Number.NaN));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[middle]];
  if (below === undefined || above === undefined) throw new Error("There is no median of nothing.");
  return (below + above) / 2;
}

/** The least value that at least `share` (0..1) of all values do not exceed. `sorted` ascends. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new Error("There is no quantile of nothing.");
  return value;
}

export type Quantiles = Readonly<{ p50: number; p95: number; p99: number; p999: number; greatest: number }>;

export function quantilesOf(values: Float64Array): Quantiles {
  const sorted = values.toSorted();
  return {
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
    greatest: quantile(sorted, 1),
  };
}
