import { expect, test } from "vitest";
import { admitted } from "../check/journal.world.ts";
import { joinJournals, lineOf, parseJournal } from "./entry.ts";

test("a journal is read back as it was written, in the order of sending", () => {
  const stall = { kind: "stall", fromMs: 5, toMs: 25 } as const;
  const [first, second] = [admitted(0), admitted(100, { fault: "line\nbreak", user: "김" })];
  const text = [second, stall, first].map(lineOf).join("");
  expect(parseJournal(text)).toEqual({ entries: [first, second], stalls: [stall] });
});

test("a journal with a line that is none is refused", () => {
  expect(() => parseJournal('{"kind":"dance"}\n')).toThrow("Line 1");
  expect(() => parseJournal(lineOf({ ...admitted(0), reason: "FINE" as "OK" }))).toThrow("Line 1");
  expect(() => parseJournal(lineOf(admitted(0)).slice(0, -20))).toThrow();
});

test("several journals become one in the order of sending", () => {
  const join = joinJournals([
    { entries: [admitted(0), admitted(10)], stalls: [] },
    { entries: [admitted(5)], stalls: [] },
  ]);
  expect(join.entries.map(({ sentMs }) => sentMs)).toEqual(
    [admitted(0), admitted(5), admitted(10)].map((e) => e.sentMs),
  );
});
