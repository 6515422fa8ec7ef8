// A report as people read it: one line per figure, with its goal and whether it was met.
import { type Figure, isMet, type Report } from "./scenario.ts";

export function formatReport({ scenario, about, othersShare, stolenShare, figures }: Report): string {
  const lines = [["FIGURE", "MEDIAN", "", "MIDDLE HALF", "GOAL", ""], ...figures.map(cellsOf)];
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const table = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  const load = `others used ${percent(othersShare)} of the machine, ${percent(stolenShare)} was stolen`;
  return [`${scenario}: ${about}`, `(${load})`, ...table.map((line) => line.trimEnd())].join("\n");
}

function cellsOf(figure: Figure): string[] {
  const { name, unit, value, middleHalf, goal } = figure;
  const met = isMet(figure);
  return [
    name,
    format(value),
    unit,
    middleHalf === null ? "" : `${format(middleHalf[0])}..${format(middleHalf[1])}`,
    goal === null ? "" : `${goal.kind === "at_most" ? "<=" : ">="} ${format(goal.value)}`,
    met === null ? "" : met ? "met" : "MISSED",
  ];
}

/** Three significant digits; whole numbers from 1000 on. */
function format(value: number): string {
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
