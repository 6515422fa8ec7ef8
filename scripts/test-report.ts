// Reads vitest's JSON report (the shape of Jest's). Pure.
import { relative } from "node:path";

export type TestReport = Readonly<{
  numPassedTests: number;
  numFailedTests: number;
  testResults: readonly Readonly<{
    /** Full path of the test file. */
    name: string;
    /** Why the file could not be loaded; else empty. */
    message: string;
    assertionResults: readonly Readonly<{ status: string; fullName: string; failureMessages: readonly string[] }>[];
  }>[];
}>;

/** `file: title` of every test that did not run. */
export function skippedTests(report: TestReport, root: string): string[] {
  return report.testResults.flatMap((file) =>
    file.assertionResults
      .filter((test) => test.status !== "passed" && test.status !== "failed")
      .map((test) => `${relative(root, file.name)}: ${test.fullName}`),
  );
}
