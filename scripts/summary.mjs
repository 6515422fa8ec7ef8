// The last line of a CI run: `N passed, N failed`, added from the reports of `npm test` and `npm run check`.
//
// Usage: node summary.mjs <exit code of npm test> <exit code of npm run check>
// Plain JavaScript: it must also speak when nothing could be installed. A step that failed without a report, or without
// a failure in its report, counts as one failure; a run without any passed test is a failure.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Adds up what the two reports (null when missing) and exit codes say. */
export function summarise(tests, testExitCode, check, checkExitCode) {
  const brokenFiles = (tests?.testResults ?? []).filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const testsPassed = tests?.numPassedTests ?? 0;
  const testsFailed = (tests?.numFailedTests ?? 0) + brokenFiles;
  const checksPassed = (check?.steps ?? []).filter((step) => step.passed).length;
  const checksFailed = (check?.steps ?? []).length - checksPassed;
  const unexplained = (exitCode, failed) => (exitCode !== 0 && failed === 0 ? 1 : 0);
  const nothingRan = testsPassed + testsFailed === 0 && testExitCode === 0 ? 1 : 0;
  const nothingChecked = checksPassed + checksFailed === 0 && checkExitCode === 0 ? 1 : 0;
  return {
    passed: testsPassed + checksPassed,
    failed:
      testsFailed +
      checksFailed +
      unexplained(testExitCode, testsFailed) +
      unexplained(checkExitCode, checksFailed) +
      nothingRan +
      nothingChecked,
  };
}

function readReport(name) {
  const folder = join(dirname(fileURLToPath(import.meta.url)), "..", ".test-results");
  try {
    return JSON.parse(readFileSync(join(folder, name), "utf8"));
  } catch {
    return null;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [testExitCode = 1, checkExitCode = 1] = process.argv.slice(2).map(Number);
  const total = summarise(readReport("vitest.json"), testExitCode, readReport("check.json"), checkExitCode);
  process.exitCode = total.failed === 0 ? 0 : 1;
  console.log(`${total.passed} passed, ${total.failed} failed`);
}
