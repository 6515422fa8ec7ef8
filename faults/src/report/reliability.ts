// docs/reliability.md: what was measured, on which machine, fault by fault. Pure.
import type { AbsentFault } from "../faults/absent.ts";
import { type FaultSummary, isMet } from "./summary.ts";
import { boundOf, nameOf, shown } from "./words.ts";

export type Published = Readonly<{
  machine: string;
  /** RFC 3339. */
  at: string;
  /** Checks per second. */
  rate: number;
  summaries: readonly FaultSummary[];
  absent: readonly AbsentFault[];
}>;

export function reliabilityPage({ machine, at, rate, summaries, absent }: Published): string {
  return `${[intro(machine, at, rate), ...summaries.map(section), absences(absent)].join("\n\n")}\n`;
}

function intro(machine: string, at: string, rate: number): string {
  return `# Reliability

What callers saw while parts of a real stack were broken: six Redis nodes, PostgreSQL, three instances, a balancer. Written by
\`npm run faults -- --publish\` on ${at.slice(0, 10)}; do not edit.

- Machine: ${machine}, everything on it, the load of ${rate} checks per second included.
- Each run has a stack of its own: baseline, fault, recovery, the same load throughout. Median and worst of all runs.
- Every figure comes from the load's own journal of requests and answers, never from counters of the service.
- A witness on each core notes when it could not run for 3 ms: on a machine that many servers share, a core is not always to
  be had, and an answer of the Fallback that met such a stall says nothing about the fault. Each section says how many there
  were; where no Fallback answer is expected, the others are counted.
- Latency counts from when a request was due. Requests that met a stall of the load generator are left out of it.`;
}

function section(summary: FaultSummary): string {
  const { id, name, about, runs, failures, figures } = summary;
  const rows = figures.map(({ expectation, median, worst, met }) =>
    [
      nameOf(expectation),
      shown(expectation.figure, median),
      shown(expectation.figure, worst),
      `${boundOf(expectation)}, ${expectation.why}`,
      met ? "met" : "**broken**",
    ].join(" | "),
  );
  const runsSaid = `${runs.length} runs, ${isMet(summary) ? "as expected" : "**not as expected**"}.`;
  const inStalls = runs.reduce((sum, { figures: { fallbackInStalls } }) => sum + fallbackInStalls, 0);
  const stalled = inStalls === 0 ? [] : [`${inStalls} Fallback answers met stalls of the machine.`];
  const failed = failures.map((failure) => `A run failed: ${failure.split("\n")[0]}`);
  return [
    `## ${id}: ${name}`,
    `${about} ${[runsSaid, ...stalled, ...failed].join(" ")}`,
    [
      "| figure | median | worst | expected | |",
      "| --- | --- | --- | --- | --- |",
      ...rows.map((row) => `| ${row} |`),
    ].join("\n"),
  ].join("\n\n");
}

function absences(absent: readonly AbsentFault[]): string {
  return ["## Not made here", absent.map(({ id, name, why }) => `- **${id}**, ${name}: ${why}`).join("\n")].join(
    "\n\n",
  );
}
