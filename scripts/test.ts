// `npm test`: all tests of all workspaces, against real servers. `npm test -- path` runs some of them.
//
// Ends with what was skipped and why, so that nobody takes a run that proved less for the whole. The JSON report in
// .test-results is what CI adds up.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureServices } from "./services.ts";
import { skippedTests, type TestReport } from "./test-report.ts";

const root = join(import.meta.dirname, "..");
const reportFile = join(root, ".test-results", "vitest.json");

/** A run that hangs fails instead: the whole is meant to take less than a quarter of an hour. */
const MOST_MS = 40 * 60_000;

const missing = ensureServices();
rmSync(reportFile, { force: true });
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
const run = spawnSync(process.execPath, [vitest, "run", ...reporters, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
  timeout: MOST_MS,
  killSignal: "SIGKILL",
});

if (existsSync(reportFile)) {
  const report = JSON.parse(readFileSync(reportFile, "utf8")) as TestReport;
  const skipped = skippedTests(report, root);
  if (skipped.length > 0) {
    console.error(`\n!!! ${skipped.length} tests were SKIPPED:`);
    for (const title of skipped) console.error(`!!!   ${title}`);
  }
}
if (missing.length > 0) {
  console.error(`!!! Missing on this machine: ${missing.join(", ")}. Install them to run every suite.`);
}
process.exitCode = run.status ?? 1;
