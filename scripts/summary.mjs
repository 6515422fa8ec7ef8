// The last line of a CI run: `N passed, N failed`, added from the reports of `npm test`, `npm run check` and
// `npm run faults`.
//
// Usage: node summary.mjs <exit codes of npm test, npm run check, npm run faults>
// Plain JavaScript: it must also speak when nothing could be installed. A step that failed without a report, or without
// a failure in its report, counts as one failure; a run without any passed test is a failure.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Adds up what the reports (null when missing) and exit codes say. */
export function summarise(tests, check, faults) {
  const parts = [ofTests(tests.report), ofChecks(check.report), ofFaults(faults.report)];
  const exitCodes = [tests.exitCode, check.exitCode, faults.exitCode];
  const unexplained = parts.filter(({ passed, failed }, index) => {
    const nothingRan = passed + failed === 0;
    return failed === 0 && (exitCodes[index] !== 0 || nothingRan);
  }).length;
  return {
    passed: parts.reduce((sum, { passed }) => sum + passed, 0),
    failed: parts.reduce((sum, { failed }) => sum + failed, unexplained),
  };
}

function ofTests(report) {
  const brokenFiles = (report?.testResults ?? []).filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  return { passed: report?.numPassedTests ?? 0, failed: (report?.numFailedTests ?? 0) + brokenFiles };
}

function ofChecks(report) {
  const passed = (report?.steps ?? []).filter((step) => step.passed).length;
  return { passed, failed: (report?.steps ?? []).length - passed };
}

function ofFaults(report) {
  return { passed: report?.passed ?? 0, failed: report?.failed ?? 0 };
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
  const exitCodes = process.argv.slice(2).map(Number);
  const [tests, check, faults] = ["vitest.json", "check.json", "faults.json"].map((name, index) => {
    return { report: readReport(name), exitCode: exitCodes[index] ?? 1 };
  });
  const total = summarise(tests, check, faults);
  process.exitCode = total.failed === 0 ? 0 : 1;
  console.log(`${total.passed} passed, ${total.failed} failed`);
}
