// Several runs of one fault as one row: the median and the worst of each figure that something is expected of. Pure.
import { PROMISED_P99_MS } from "../lab/expectations.ts";
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
  /** Runs that were made again (tellsNothing). */
  setAside: number;
  figures: readonly SummaryFigure[];
}>;

export function summarize(
  fault: Fault,
  runs: readonly RunResult[],
  failures: readonly string[],
  setAside = 0,
): FaultSummary {
  const { id, name, about, expectations } = fault;
  return {
    id,
    name,
    about,
    runs,
    failures,
    setAside,
    figures: expectations.map((expectation) => figureOf(expectation, runs)),
  };
}

/**
 * A figure that a slow machine alone can break: a time, or how often the Fallback had to answer. All others say whether
 * anything was wrong.
 */
export function isOfSpeed({ expectation: { figure } }: Pick<SummaryFigure, "expectation">): boolean {
  return /Ms$|^fallback/.test(figure);
}

/** What a machine that is slow before a fault, too, can break in it. No time until something is as it should be, nor a quota. */
const OF_SLOW_MACHINES = /P99Ms$|^fallback/;

/**
 * Whether a run says nothing about its fault: the machine did not keep the latency before it either, or let the Fallback
 * answer. Whatever else it breaks, it shows all the same.
 */
export function tellsNothing({ figures, verdicts }: RunResult): boolean {
  const isCalm = (figures.baselineP99Ms ?? 0) <= PROMISED_P99_MS && figures.fallbackBefore === 0;
  return !isCalm && verdicts.every((verdict) => verdict.met || OF_SLOW_MACHINES.test(verdict.expectation.figure));
}

/** How many expectations were met, and how many not; a run that failed is one of those. */
export function tally(summaries: readonly FaultSummary[], counts: (figure: SummaryFigure) => boolean): Tally {
  const figures = summaries.flatMap((summary) => summary.figures.filter(counts));
  const failures = summaries.reduce((sum, summary) => sum + summary.failures.length, 0);
  const passed = figures.filter(({ met }) => met).length;
  return { passed, failed: figures.length - passed + failures };
}

export type Tally = Readonly<{ passed: number; failed: number }>;

export function isMet({ failures, figures, runs }: FaultSummary): boolean {
  return failures.length === 0 && runs.length > 0 && figures.every(({ met }) => met);
}

function figureOf(expectation: Expectation, runs: readonly RunResult[]): SummaryFigure {
  const verdicts = runs.flatMap((run) => run.verdicts.filter((verdict) => verdict.expectation === expectation));
  const values = verdicts.flatMap(({ value }) => (value === null ? [] : [value])).sort((one, other) => one - other);
  const met = verdicts.length > 0 && verdicts.every((verdict) => verdict.met);
  if (values.length < verdicts.length || values.length === 0) return { expectation, median: null, worst: null, met };
  const worst = "atMost" in expectation ? values.at(-1) : values[0];
  const median = medianOf(values);
  const { medianAtMost = Number.POSITIVE_INFINITY } = "atMost" in expectation ? expectation : {};
  return { expectation, median, worst: worst ?? null, met: met && median <= medianAtMost };
}

/** `sorted` ascends and holds something. */
function medianOf(sorted: readonly number[]): number {
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (below === undefined || above === undefined) throw new Error("There is no median of nothing.");
  return (below + above) / 2;
}
