// `npm run bench`: measures Sluice against its goals, with real processes on this machine; see docs/performance.md.
//
// A table goes to stdout, what is going on to stderr, everything measured to a JSON file. The exit code is 0 when
// everything could be measured, also when a goal was missed: this is a benchmark, not a test. A scenario that fails is
// reported, makes the exit code 1, and does not keep the others from running.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { ArgumentFault, readArguments, USAGE } from "./arguments.ts";
import { describeMachine, watchOthers } from "./machine.ts";
import { FULL, type Pace, QUICK, type Report, type Scenario } from "./scenario.ts";
import { batch } from "./scenarios/batch.ts";
import { checksDuringSnapshots } from "./scenarios/checks-during-snapshots.ts";
import { cpuPerCheck } from "./scenarios/cpu-per-check.ts";
import { generatorAlone } from "./scenarios/generator-alone.ts";
import { latency } from "./scenarios/latency.ts";
import { logins } from "./scenarios/logins.ts";
import { memory } from "./scenarios/memory.ts";
import { outage } from "./scenarios/outage.ts";
import { policies } from "./scenarios/policies.ts";
import { script } from "./scenarios/script.ts";
import { snapshots } from "./scenarios/snapshots.ts";
import { versusRateLimiterFlexible } from "./scenarios/versus-rate-limiter-flexible.ts";
import { formatReport } from "./table.ts";
import { openWorld, type World } from "./world.ts";

const SCENARIOS: readonly Scenario[] = [
  generatorAlone,
  cpuPerCheck,
  latency,
  outage,
  batch,
  script,
  versusRateLimiterFlexible,
  policies,
  memory,
  logins,
  snapshots,
  checksDuringSnapshots,
];

async function main(): Promise<void> {
  const { only, quick, out, profile } = readArguments(
    process.argv.slice(2),
    SCENARIOS.map(({ name }) => name),
  );
  const chosen = SCENARIOS.filter(({ name }) => only.length === 0 || only.includes(name));
  const pace = quick ? QUICK : FULL;
  const machine = await describeMachine();
  process.stdout.write(`${machine}; ${quick ? "quick pass, not for quoting" : "full pass"}\n`);
  const reports: Report[] = [];
  for (const scenario of chosen) {
    try {
      reports.push(await measure(scenario, pace, profile));
    } catch (fault) {
      process.stderr.write(`${scenario.name} failed: ${fault instanceof Error ? fault.stack : fault}\n`);
      process.exitCode = 1;
    }
  }
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, `${JSON.stringify({ machine, quick, at: new Date().toISOString(), reports }, null, 2)}\n`);
  process.stderr.write(`\nwritten: ${out}\n`);
}

/** Each scenario has a world of its own, so that none inherits another's data or warm caches. */
async function measure(scenario: Scenario, pace: Pace, profile: string | null): Promise<Report> {
  process.stderr.write(`\n${scenario.name} ...\n`);
  const world: World = await openWorld(profile);
  try {
    const others = watchOthers(world.pids);
    const figures = await scenario.run(world, pace);
    const report: Report = { scenario: scenario.name, about: scenario.about, ...others(), figures };
    process.stdout.write(`\n${formatReport(report)}\n`);
    return report;
  } finally {
    await world.close();
  }
}

try {
  await main();
} catch (fault) {
  if (!(fault instanceof ArgumentFault)) throw fault;
  process.stderr.write(`${fault.message}\n\n${USAGE}\n`);
  process.exitCode = 2;
}
