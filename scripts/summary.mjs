// The end of a CI run: what failed, each with its reason, then `N passed, N failed`, added from the reports of
// `npm test`, `npm run check` and `npm run faults`. Whoever sees only the end of a log must not have to guess.
//
// Usage: node summary.mjs <exit codes of npm test, npm run check, npm run faults>
// Plain JavaScript: it must also speak when nothing could be installed. A step that failed without a report, or without
// a failure in its report, counts as one failure; a run without any passed test is a failure.
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Of one failure: the log's end has to hold them all. */
const MOST_CHARACTERS = 2000;

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

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
  const failed = (report?.numFailedTests ?? 0) + brokenFiles(report).length;
  return { passed: report?.numPassedTests ?? 0, failed };
}

/** Test files that could not be loaded: they failed without a failed test. */
function brokenFiles(report) {
  return (report?.testResults ?? []).filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
}

function ofChecks(report) {
  const passed = (report?.steps ?? []).filter((step) => step.passed).length;
  return { passed, failed: (report?.steps ?? []).length - passed };
}

function ofFaults(report) {
  return { passed: report?.passed ?? 0, failed: report?.failed ?? 0 };
}

/**
 * Each failed test and check with its reason, as the reports (null when missing) tell it; the lab's own tables stand
 * right above. Paths are shown from `root` on.
 */
export function failures(tests, check, root) {
  const failedTests = (tests?.testResults ?? []).flatMap((file) =>
    file.assertionResults
      .filter((test) => test.status === "failed")
      .map((test) => `${relative(root, file.name)}: ${test.fullName}\n${test.failureMessages.join("\n")}`),
  );
  const broken = brokenFiles(tests).map((file) => `${relative(root, file.name)}: ${file.message}`);
  const failedSteps = (check?.steps ?? []).filter((step) => !step.passed).map((step) => `check: ${step.name}`);
  return [...failedTests, ...broken, ...failedSteps];
}

function readReport(name) {
  try {
    return JSON.parse(readFileSync(join(root, ".test-results", name), "utf8"));
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
  for (const failure of failures(tests.report, check.report, root)) {
    console.log(`FAILED ${failure.slice(0, MOST_CHARACTERS)}`);
  }
  console.log(`${total.passed} passed, ${total.failed} failed`);
}
