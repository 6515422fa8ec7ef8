import { expect, test } from "vitest";
import { failures, summarise } from "./summary.mjs";
import { skippedTests } from "./test-report.ts";

const file = (status: string, ...results: string[]) => ({
  name: "/project/a.test.ts",
  status,
  message: results.length === 0 ? "cannot be loaded" : "",
  assertionResults: results.map((result, index) => ({
    status: result,
    fullName: `test ${index + 1}`,
    failureMessages: result === "failed" ? ["AssertionError: expected 1 to be 2"] : [],
  })),
});
const tests = (passed: number, failed: number, ...files: ReturnType<typeof file>[]) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  testResults: files,
});
const check = (...passed: boolean[]) => ({
  steps: passed.map((each, index) => ({ name: `step ${index + 1}`, passed: each })),
});

const faults = (passed: number, failed: number) => ({ passed, failed });
const ended = <Report>(report: Report, exitCode = 0) => ({ report, exitCode });

test("passed tests, checks and expectations of faults are added", () => {
  const total = summarise(ended(tests(7, 0)), ended(check(true, true)), ended(faults(5, 0)));
  expect(total).toEqual({ passed: 14, failed: 0 });
});

test("failed tests, checks and expectations are added", () => {
  const total = summarise(ended(tests(7, 2), 1), ended(check(true, false), 1), ended(faults(5, 3), 1));
  expect(total).toEqual({ passed: 13, failed: 6 });
});

test("a test file that could not be loaded is a failure", () => {
  const total = summarise(ended(tests(1, 0, file("failed")), 1), ended(check(true)), ended(faults(1, 0)));
  expect(total).toEqual({ passed: 3, failed: 1 });
});

test("an exit code that no report explains is a failure", () => {
  const total = summarise(ended(tests(7, 0), 1), ended(check(true)), ended(faults(1, 0), 1));
  expect(total).toEqual({ passed: 9, failed: 2 });
  expect(summarise(ended(null, 1), ended(null, 1), ended(null, 1))).toEqual({ passed: 0, failed: 3 });
});

test("a run that executed nothing is a failure even when it says it went well", () => {
  expect(summarise(ended(tests(0, 0)), ended(check()), ended(faults(0, 0)))).toEqual({ passed: 0, failed: 3 });
});

test("the end of a run names each failed test, file and check with its reason", () => {
  const report = tests(1, 1, file("failed", "passed", "failed"), file("failed"));
  expect(failures(report, check(true, false), "/project")).toEqual([
    "a.test.ts: test 2\nAssertionError: expected 1 to be 2",
    "a.test.ts: cannot be loaded",
    "check: step 2",
  ]);
  expect(failures(null, null, "/project")).toEqual([]);
});

test("skipped tests are listed with their file", () => {
  const report = tests(1, 0, file("passed", "passed", "skipped", "todo"));
  expect(skippedTests(report, "/project")).toEqual(["a.test.ts: test 2", "a.test.ts: test 3"]);
});
