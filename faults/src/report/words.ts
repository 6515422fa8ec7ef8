// Figures as people read them: names, units, numbers. Pure.
import type { Expectation, FigureName } from "../lab/fault.ts";

/** Figures that only some faults have. */
type FigureOfOne =
  | "adminWritesMs"
  | "alarmMs"
  | "filledShare"
  | "longestForkMs"
  | "longestSilenceMs"
  | "longestWriteWaitMs";

const NAMES: Readonly<Record<FigureName | FigureOfOne, string>> = {
  requests: "requests",
  refusals: "refusals by limits",
  wrongDenials: "wrong denials",
  rateOverAdmission: "over-admission, rates",
  quotaOverAdmission: "over-admission, quotas",
  errorShare: "errors",
  unanswered: "unanswered",
  fallbackStruck: "Fallback answers, struck",
  fallbackElsewhere: "Fallback answers, others",
  fallbackBefore: "Fallback answers, before",
  fallbackInStalls: "Fallback answers that met stalls of the machine",
  fallbackCost: "cost admitted by Fallback",
  recoveryMs: "exact again",
  returnMs: "exact after its return",
  p99Ms: "P99",
  baselineP99Ms: "P99 before the fault",
  faultP99Ms: "P99 since the fault",
  clearP99Ms: "P99 since the fault, without stalls",
  elsewhereP99Ms: "P99 since the fault, others",
  quotaReopenedMs: "full quotas open for",
  leftOutShare: "left out for stalls",
  adminWritesMs: "administrators write again",
  alarmMs: "a metric tells",
  filledShare: "memory in use, at least",
  longestForkMs: "longest fork",
  longestSilenceMs: "longest silence of a node",
  longestWriteWaitMs: "longest wait of a write",
};

export function nameOf({ figure }: Pick<Expectation, "figure">): string {
  return (NAMES as Readonly<Record<string, string>>)[figure] ?? figure;
}

/** With its unit, which the end of the figure's name says. */
export function shown(figure: string, value: number | null | "never"): string {
  if (value === null) return "missing";
  if (value === "never" || value === Number.POSITIVE_INFINITY) return "never";
  if (figure.endsWith("Ms"))
    return value >= 1_000 ? `${(value / 1_000).toFixed(1)} s` : `${Number(value.toPrecision(3))} ms`;
  if (figure.endsWith("Share")) return `${Number((value * 100).toPrecision(3))} %`;
  return Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(3)));
}

export function boundOf(expectation: Expectation): string {
  const inUnits = (bound: number) => shown(expectation.figure, bound);
  if ("atLeast" in expectation) return `>= ${inUnits(expectation.atLeast)}`;
  const { atMost, medianAtMost } = expectation;
  return `<= ${inUnits(atMost)}${medianAtMost === undefined ? "" : `, median <= ${inUnits(medianAtMost)}`}`;
}
