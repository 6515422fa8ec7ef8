// What the page of reliability is written from: of each fault the last time that it was measured for it. Pure.
//
// So a fault can be measured again by itself, and the whole set in several sittings; the page says when each was.
import type { Expectation } from "../lab/fault.ts";
import { type FaultSummary, isMet, type SummaryFigure } from "./summary.ts";

/** Where and how a fault was measured. */
export type Sitting = Readonly<{
  machine: string;
  /** RFC 3339. */
  at: string;
  /** Checks per second; a fault may have its own. */
  rate: number;
}>;

export type PublishedFault = Readonly<{
  id: string;
  name: string;
  about: string;
  sitting: Sitting;
  runs: number;
  /** Runs that ended without a result, and why. */
  failures: readonly string[];
  /** Fallback answers that met stalls of the machine, of all runs. */
  inStalls: number;
  /** What the machine itself makes of a run; absent where it was measured before this was kept. */
  before?: Readonly<{ worstP99Ms: number; fallback: number; setAside: number }>;
  met: boolean;
  figures: readonly PublishedFigure[];
}>;

/** JSON has no infinity: "never" is a time that did not come. */
export type PublishedFigure = Readonly<{
  expectation: Expectation;
  median: number | null | "never";
  worst: number | null | "never";
  met: boolean;
}>;

export function publishedFault(summary: FaultSummary, sitting: Sitting): PublishedFault {
  const { id, name, about, runs, failures, setAside, figures } = summary;
  return {
    ...{ id, name, about, sitting, failures: failures.map((failure) => failure.split("\n")[0] ?? "") },
    runs: runs.length,
    inStalls: runs.reduce((sum, { figures: { fallbackInStalls } }) => sum + fallbackInStalls, 0),
    before: {
      worstP99Ms: Math.max(0, ...runs.map(({ figures: { baselineP99Ms } }) => baselineP99Ms ?? 0)),
      fallback: runs.reduce((sum, { figures: { fallbackBefore } }) => sum + fallbackBefore, 0),
      setAside,
    },
    met: isMet(summary),
    figures: figures.map(publishedFigure),
  };
}

/** `fresh` takes the place of what is known of the same fault. In the order of `ids`; of others nothing stays. */
export function joinPublished(
  known: readonly PublishedFault[],
  fresh: readonly PublishedFault[],
  ids: readonly string[],
): PublishedFault[] {
  const byId = new Map([...known, ...fresh].map((fault) => [fault.id, fault]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

function publishedFigure({ expectation, median, worst, met }: SummaryFigure): PublishedFigure {
  return { expectation, median: writable(median), worst: writable(worst), met };
}

function writable(value: number | null): number | null | "never" {
  return value === Number.POSITIVE_INFINITY ? "never" : value;
}
