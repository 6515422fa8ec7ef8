import { expect, test } from "vitest";
import { atLeast, atMost, type Report } from "./scenario.ts";
import { formatReport } from "./table.ts";

const report: Report = {
  scenario: "example",
  about: "apples and pears",
  othersShare: 0.42,
  stolenShare: 0,
  figures: [
    { name: "ratio", unit: "x", value: 1.8, middleHalf: [1.754, 2.1], goal: atMost(1.8) },
    { name: "rate", unit: "1/s", value: 2_999.6, middleHalf: null, goal: atLeast(5_000) },
    { name: "aside", unit: "ms", value: 0.1234, middleHalf: null, goal: null },
  ],
};

test("a goal that is just reached is met, and a missed one stands out", () => {
  const lines = formatReport(report).split("\n");
  expect(lines[3]).toMatch(/^ratio +1\.8 +x +1\.75\.\.2\.1 +<= 1\.8 +met$/);
  expect(lines[4]).toMatch(/^rate +3,000 +1\/s +>= 5,000 +MISSED$/);
  expect(lines[5]).toMatch(/^aside +0\.123 +ms$/);
});

test("a report says how much of the machine others used", () => {
  expect(formatReport(report)).toContain("others used 42 % of the machine, 0 % was stolen");
});
