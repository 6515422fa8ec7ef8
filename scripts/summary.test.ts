import { expect, test } from "vitest";
import { summarise } from "./summary.mjs";
import { skippedTests } from "./test-report.ts";

const file = (status: string, ...results: string[]) => ({
  name: "/project/a.test.ts",
  status,
  assertionResults: results.map((result, index) => ({ status: result, fullName: `test ${index + 1}` })),
});
const tests = (passed: number, failed: number, ...files: ReturnType<typeof file>[]) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  testResults: files,
});
const check = (...passed: boolean[]) => ({ steps: passed.map((each) => ({ passed: each })) });

test("passed tests and passed checks are added", () => {
  expect(summarise(tests(7, 0), 0, check(true, true), 0)).toEqual({ passed: 9, failed: 0 });
});

test("failed tests and failed checks are added", () => {
  expect(summarise(tests(7, 2), 1, check(true, false), 1)).toEqual({ passed: 8, failed: 3 });
});

test("a test file that could not be loaded is a failure", () => {
  expect(summarise(tests(1, 0, file("failed")), 1, check(true), 0)).toEqual({ passed: 2, failed: 1 });
});

test("an exit code that no report explains is a failure", () => {
  expect(summarise(tests(7, 0), 1, check(true), 0)).toEqual({ passed: 8, failed: 1 });
  expect(summarise(null, 1, null, 1)).toEqual({ passed: 0, failed: 2 });
});

test("a run that executed nothing is a failure even when it says it went well", () => {
  expect(summarise(tests(0, 0), 0, check(), 0)).toEqual({ passed: 0, failed: 2 });
});

test("skipped tests are listed with their file", () => {
  const report = tests(1, 0, file("passed", "passed", "skipped", "todo"));
  expect(skippedTests(report, "/project")).toEqual(["a.test.ts: test 2", "a.test.ts: test 3"]);
});
