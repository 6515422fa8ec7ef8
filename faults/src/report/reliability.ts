// docs/reliability.md: what was measured, when and on which machine, fault by fault. Pure.
import type { AbsentFault } from "../faults/absent.ts";
import { PROMISED_P99_MS } from "../lab/expectations.ts";
import type { PublishedFault, PublishedFigure, Sitting } from "./published.ts";
import { boundOf, nameOf, shown } from "./words.ts";

export type ReliabilityPage = Readonly<{
  faults: readonly PublishedFault[];
  absent: readonly AbsentFault[];
}>;

/** What the overview shows of each fault that has it. */
const OVERVIEW = ["wrongDenials", "unanswered", "fallbackElsewhere", "recoveryMs", "faultP99Ms"] as const;

export function reliabilityPage({ faults, absent }: ReliabilityPage): string {
  return `${[INTRO, machines(faults), ...noise(faults), overview(faults), ...faults.map(section), absences(absent)].join("\n\n")}\n`;
}

const INTRO = `# Reliability

What callers saw while parts of a real stack were broken: six Redis nodes, PostgreSQL, three instances, a balancer. Written by
\`npm run faults -- --publish\`; do not edit.

- Each run has a stack of its own: baseline, fault, recovery, the same load throughout. Median and worst of all runs.
- What callers saw comes from the load's own journal of requests and answers, never from counters of the service. What else a
  fault is about (rows that administrators wrote, sums that were recorded, a write that had to wait) is looked up where it is.
- A witness on each core notes when it waits for it for more than 2 ms: where many servers share a core, it is not always to
  be had, and an answer of the Fallback that met such a stall says nothing about the fault. Each section says how many there
  were; where no Fallback answer is expected, the others are counted. Answers are exact again when for a second none of the
  others came; from the fault, or from when it was mended ("after its return").
- A run in which the machine keeps no P99 of ${PROMISED_P99_MS} ms before the fault, or the Fallback answers beside all stalls, says nothing about
  the fault and is made again, unless it breaks something else than these two; how many were set aside is told.
- Latency counts from when a request was due. Requests that met a stall of the load generator are left out of it; without
  stalls means that those which met a stall of the machine are, too, whether they were fast or slow.`;

function machines(faults: readonly PublishedFault[]): string {
  const lines = [...Map.groupBy(faults, ({ sitting }) => sitting.machine)].map(([machine, those]) => {
    const rates = [...new Set(those.map(({ sitting }) => sitting.rate))].join(" or ");
    return `- ${machine}, everything on it, the load of ${rates} checks per second included: ${counted(those.length, "fault")}.`;
  });
  return ["Measured on:", lines.join("\n")].join("\n\n");
}

/** Without it nobody can say whether a single answer is the fault's or the machine's. */
function noise(faults: readonly PublishedFault[]): string[] {
  const known = faults.flatMap(({ runs, before }) => (before === undefined ? [] : [{ runs, ...before }]));
  const sum = (of: "runs" | "fallback" | "setAside") => known.reduce((total, each) => total + each[of], 0);
  if (known.length === 0) return [];
  const worst = shown("baselineP99Ms", Math.max(...known.map(({ worstP99Ms }) => worstP99Ms)));
  return [
    `Before anything was broken, ${counted(sum("runs"), "run")} had ${counted(sum("fallback"), "Fallback answer")} that met no ` +
      `stall which the witnesses saw, and a P99 of up to ${worst}: so much is the machine's. ${sum("setAside")} more were set aside.`,
  ];
}

function overview(faults: readonly PublishedFault[]): string {
  const head = ["fault", "", ...OVERVIEW.map((figure) => `${nameOf({ figure })}: median, worst`)];
  const rows = faults.map(({ id, name, met, figures }) => [
    `${id} ${name}`,
    met ? "as expected" : "**not as expected**",
    ...OVERVIEW.map((name) => {
      const found = figures.find(({ expectation }) => expectation.figure === name);
      return found === undefined ? "" : `${shown(name, found.median)}, ${shown(name, found.worst)}`;
    }),
  ]);
  return ["## All of them", table(head, rows)].join("\n\n");
}

function section(fault: PublishedFault): string {
  const { id, name, about, sitting, runs, failures, inStalls, before, met, figures } = fault;
  const said = [
    `${counted(runs, "run")} on ${dayOf(sitting)}, ${met ? "as expected" : "**not as expected**"}.`,
    ...(inStalls === 0 ? [] : [`${inStalls} Fallback answers met stalls of the machine.`]),
    ...(before === undefined
      ? []
      : [
          `Before the fault: P99 up to ${shown("baselineP99Ms", before.worstP99Ms)}, ${counted(before.fallback, "Fallback answer")} beside stalls; ${counted(before.setAside, "run")} set aside.`,
        ]),
    ...failures.map((failure) => `A run failed: ${failure}`),
  ];
  return [
    `## ${id}: ${name}`,
    `${about} ${said.join(" ")}`,
    table(["figure", "median", "worst", "expected", ""], figures.map(row)),
  ].join("\n\n");
}

function row({ expectation, median, worst, met }: PublishedFigure): string[] {
  const { figure, why } = expectation;
  const [middle, end] = [shown(figure, median), shown(figure, worst)];
  return [nameOf(expectation), middle, end, `${boundOf(expectation)}, ${why}`, met ? "met" : "**broken**"];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function absences(absent: readonly AbsentFault[]): string {
  return ["## Not made here", absent.map(({ id, name, why }) => `- **${id}**, ${name}: ${why}`).join("\n")].join(
    "\n\n",
  );
}

function dayOf({ at }: Sitting): string {
  return at.slice(0, 10);
}
