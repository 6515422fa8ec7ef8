// `npm run check`: everything that can be said about the code without running it. Every step runs, whatever failed before.
//
// A generated file that is committed has a `scripts/<name>.drift.ts`, which exits non-zero when the file is not what
// would be generated now; each of them is a step by being there. The JSON report in .test-results is what CI adds up.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const node = process.execPath;
const packageFile = (...path: string[]) => join(root, "node_modules", ...path);

type Step = Readonly<{ name: string; command: readonly [string, ...string[]] }>;

const STEPS: readonly Step[] = [
  { name: "types", command: [node, packageFile("typescript", "bin", "tsc"), "-p", ".", "--noEmit"] },
  { name: "lint and format", command: [node, packageFile("@biomejs", "biome", "bin", "biome"), "check", "."] },
  { name: "import order", command: [node, "scripts/imports.ts"] },
  { name: "dead code", command: [node, packageFile("knip", "bin", "knip.js"), "--no-progress"] },
  ...driftSteps(),
];

const results = STEPS.map(runStep);
mkdirSync(join(root, ".test-results"), { recursive: true });
writeFileSync(join(root, ".test-results", "check.json"), JSON.stringify({ steps: results }, null, 2));
const failed = results.filter((result) => !result.passed);
console.log(failed.length === 0 ? "check: all passed" : `check: failed: ${failed.map(({ name }) => name).join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function driftSteps(): Step[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith(".drift.ts"))
    .toSorted()
    .map((file) => ({ name: `drift of ${file.replace(".drift.ts", "")}`, command: [node, join("scripts", file)] }));
}

function runStep({ name, command: [program, ...args] }: Step): { name: string; passed: boolean; durationMs: number } {
  const startMs = performance.now();
  const run = spawnSync(program, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const durationMs = Math.round(performance.now() - startMs);
  const passed = run.status === 0;
  console.log(`${passed ? "ok  " : "FAIL"} ${name} (${(durationMs / 1_000).toFixed(1)} s)`);
  if (!passed) console.log([run.error?.message, run.stdout, run.stderr].filter(Boolean).join("\n"));
  return { name, passed, durationMs };
}
