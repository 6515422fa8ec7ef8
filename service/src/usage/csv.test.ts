import * as fc from "fast-check";
import { expect, test } from "vitest";
import { csvLine } from "./csv.ts";

test("cells with commas, quotes and line ends are quoted, numbers and emptiness are not", () => {
  expect(csvLine(["a,b", 'say "hi"', "two\r\nlines", "plain", -5, 0, null, ""])).toBe(
    '"a,b","say ""hi""","two\r\nlines",plain,-5,0,,\r\n',
  );
});

test("a text that a spreadsheet would run gets an apostrophe, a number never", () => {
  expect(csvLine(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a=1", -1])).toBe(
    `'=1+1,'+1,'-1,'@SUM(A1),'\t=1,"'\r=1",a=1,-1\r\n`,
  );
});

const text = fc.string({ unit: fc.constantFrom(..."=+-@\t\r\n\",' a나") });

test("whatever the texts, a reader of RFC 4180 finds them again, guarded, in their places", () => {
  fc.assert(
    fc.property(fc.array(fc.array(text, { minLength: 1, maxLength: 5 }), { minLength: 1 }), (records) => {
      const read = readCsv(records.map(csvLine).join(""));
      expect(read.map((cells) => cells.map((cell) => cell.replace(/^'(?=[=+\-@\t\r\n])/, "")))).toEqual(
        records.map((cells) => cells.map((cell) => cell.replace(/^'(?=[=+\-@\t\r\n])/, ""))),
      );
      for (const cell of read.flat()) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
    }),
    { seed: 4180, numRuns: 500 },
  );
});

/** A reader of its own: one character at a time, as the grammar of RFC 4180 says. */
function readCsv(csv: string): string[][] {
  const records: string[][] = [];
  let cells: string[] = [];
  let at = 0;
  while (at < csv.length) {
    let cell = "";
    if (csv[at] === '"') {
      for (at += 1; csv[at] !== '"' || csv[at + 1] === '"'; at += 1) {
        if (csv[at] === '"') at += 1;
        cell += csv[at];
      }
      at += 1;
    } else {
      for (; csv[at] !== "," && csv[at] !== "\r"; at += 1) cell += csv[at];
    }
    cells.push(cell);
    if (csv[at] === ",") at += 1;
    else {
      expect(csv.slice(at, at + 2)).toBe("\r\n");
      at += 2;
      records.push(cells);
      cells = [];
    }
  }
  return records;
}
