// What a terminal shows: for each fault a line per expectation, with what was measured. Pure.
import { type FaultSummary, isMet } from "./summary.ts";
import { boundOf, nameOf, shown } from "./words.ts";

export function faultTable(summary: FaultSummary): string {
  const { id, name, runs, failures, setAside, figures } = summary;
  const head = `${id} ${name}: ${isMet(summary) ? "as expected" : "BROKEN"} (${runs.length} runs)`;
  const lines = figures.map(({ expectation, median, worst, met }) => [
    met ? "ok" : "BROKEN",
    nameOf(expectation),
    shown(expectation.figure, median),
    shown(expectation.figure, worst),
    boundOf(expectation),
    expectation.why,
  ]);
  const noise = runs.map(({ figures }, index) => {
    const p99 = shown("baselineP99Ms", figures.baselineP99Ms);
    const leftOut = shown("leftOutShare", figures.leftOutShare);
    return (
      `  run ${index + 1} before its fault: P99 ${p99}, ${figures.fallbackBefore} Fallback answers; ` +
      `of the whole run ${figures.fallbackInStalls} met stalls of the machine; left out of latency ${leftOut}`
    );
  });
  const aside =
    setAside === 0 ? [] : [`  ${setAside} more runs were set aside: the machine was too slow before the fault, too`];
  return [head, ...failures.map((failure) => `  failed: ${failure}`), ...aligned(lines), ...noise, ...aside].join("\n");
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const table = [["", "FIGURE", "MEDIAN", "WORST", "EXPECTED", "BECAUSE"], ...lines];
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  return table.map((line) => `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd());
}
