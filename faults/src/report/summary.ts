// Several runs of one fault as one row: the median and the worst of each figure that something is expected of. Pure.
import type { Expectation, Fault } from "../lab/fault.ts";
import type { RunResult } from "../lab/run.ts";

export type SummaryFigure = Readonly<{
  expectation: Expectation;
  /** Null when a run did not have the figure. */
  median: number | null;
  worst: number | null;
  met: boolean;
}>;

export type FaultSummary = Readonly<{
  id: Fault["id"];
  name: string;
  about: string;
  runs: readonly RunResult[];
  /** Runs that ended without a result, and why. */
  failures: readonly string[];
  figures: readonly SummaryFigure[];
}>;

export function summarize(fault: Fault, runs: readonly RunResult[], failures: readonly string[]): FaultSummary {
  const { id, name, about, expectations } = fault;
  return { id, name, about, runs, failures, figures: expectations.map((expectation) => figureOf(expectation, runs)) };
}

export function isMet({ failures, figures, runs }: FaultSummary): boolean {
  return failures.length === 0 && runs.length > 0 && figures.every(({ met }) => met);
}

function figureOf(expectation: Expectation, runs: readonly RunResult[]): SummaryFigure {
  const verdicts = runs.flatMap((run) => run.verdicts.filter((verdict) => verdict.expectation === expectation));
  const values = verdicts.flatMap(({ value }) => (value === null ? [] : [value])).sort((one, other) => one - other);
  const met = verdicts.length > 0 && verdicts.every((verdict) => verdict.met);
  if (values.length < verdicts.length || values.length === 0) return { expectation, median: null, worst: null, met };
  const worst = "atMost" in expectation ? values.at(-1) : values[0];
  return { expectation, median: medianOf(values), worst: worst ?? null, met };
}

/** `sorted` ascends and holds something. */
function medianOf(sorted: readonly number[]): number {
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (below === undefined || above === undefined) throw new Error("There is no median of nothing.");
  return (below + above) / 2;
}
