// Writes CSV that every spreadsheet opens as what it is: RFC 4180, preceded by a byte order mark, safe to click on. Pure.
// A text that a spreadsheet would run as a formula gets a ' in front: users and APIs are named by callers. Numbers are
// written as they are, for a sum must stay a sum.

/** Without it some spreadsheets read UTF-8 as the local code page. */
export const CSV_START = "\uFEFF";

const RUNS_AS_FORMULA = /^[=+\-@\t\r\n]/;
const NEEDS_QUOTES = /[",\r\n]/;

/** One record with its line end; null is an empty cell. */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(cell: string | number | null): string {
  if (cell === null) return "";
  if (typeof cell === "number") return `${cell}`;
  const text = RUNS_AS_FORMULA.test(cell) ? `'${cell}` : cell;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
