// `npm run faults`: breaks a real stack under load, fault by fault, and shows what callers saw of it.
//
// A table goes to stdout, what is going on to stderr, everything measured to a JSON file. The exit code is 1 when an
// expectation was broken (with --short, one that a slow machine alone cannot break) or a run failed, 2 when the arguments
// are wrong. Nothing is left, on Ctrl-C neither: the run that is under way is cleared away, and what a killed lab had
// started dies with it.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describeMachine } from "../../bench/src/machine.ts";
import { ensureServices } from "../../scripts/services.ts";
import { ArgumentFault, type LabArguments, readArguments, USAGE } from "./arguments.ts";
import { FAULTS, SHORT } from "./faults/list.ts";
import type { Fault } from "./lab/fault.ts";
import { runInOwnNetwork } from "./lab/own-network.ts";
import { type RunResult, runFault } from "./lab/run.ts";
import { createProgress } from "./report/progress.ts";
import { publish } from "./report/publish.ts";
import { type FaultSummary, isMet, isOfSpeed, summarize, tally, tellsNothing } from "./report/summary.ts";
import { faultTable } from "./report/table.ts";

/** A fault's place among those that were chosen, and what ends them all. */
type Turn = Readonly<{ index: number; of: number; stopped: AbortSignal }>;

class Stopped extends Error {}
const STOPPED_CODE = 130;

async function main(): Promise<void> {
  const wanted = readArguments(
    process.argv.slice(2),
    FAULTS.map(({ id }) => id),
  );
  const missing = ensureServices();
  if (missing.length > 0)
    throw new ArgumentFault(`Missing on this machine: ${missing.join(", ")}. Install them first.`);
  const exitCode = await runInOwnNetwork();
  if (exitCode === null) return await runChosen(wanted);
  process.exitCode = exitCode;
}

async function runChosen(wanted: LabArguments): Promise<void> {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopping.abort(new Stopped()));
  const machine = await describeMachine();
  process.stdout.write(`${machine}; ${wanted.rate} checks per second, ${wanted.runs} runs of each fault\n`);
  const summaries: FaultSummary[] = [];
  const chosen = choose(wanted);
  for (const [index, fault] of chosen.entries()) {
    const summary = await runsOf(fault, wanted, { index, of: chosen.length, stopped: stopping.signal });
    summaries.push(summary);
    process.stdout.write(`\n${faultTable(summary)}\n`);
    if (wanted.publish) await publish(summary, { machine, at: new Date().toISOString(), rate: wanted.rate });
  }
  // On whatever machine CI runs, being slow is no failure; being wrong is.
  const counted = tally(summaries, (figure) => !wanted.short || !isOfSpeed(figure));
  await mkdir(dirname(wanted.json), { recursive: true });
  const report = { machine, at: new Date().toISOString(), rate: wanted.rate, ...counted, faults: summaries };
  await writeFile(wanted.json, `${JSON.stringify(report, null, 2)}\n`);
  const broken = summaries.filter((summary) => !isMet(summary)).map(({ id }) => id);
  process.stdout.write(broken.length === 0 ? "\nall as expected\n" : `\nbroken: ${broken.join(", ")}\n`);
  if (wanted.short) process.stdout.write("times and Fallback answers are shown and not counted\n");
  process.stdout.write(`${counted.passed} expectations met, ${counted.failed} not\n`);
  process.exitCode = counted.failed === 0 ? 0 : 1;
}

function choose({ only, short }: LabArguments): readonly Fault[] {
  if (only.length > 0) return FAULTS.filter(({ id }) => only.includes(id));
  return short ? FAULTS.filter(({ id }) => SHORT.includes(id)) : FAULTS;
}

/**
 * A run that fails is told, and does not keep the others from running. For the page, as many again as are wanted are made
 * in the place of such that tell nothing.
 */
async function runsOf(fault: Fault, wanted: LabArguments, { index, of, stopped }: Turn): Promise<FaultSummary> {
  const { runs, rate } = wanted;
  const progress = createProgress(process.stderr);
  const results: RunResult[] = [];
  const failures: string[] = [];
  let setAside = 0;
  const mostSetAside = wanted.publish ? runs : 0;
  for (let run = 1; run <= runs + setAside; run += 1) {
    stopped.throwIfAborted();
    const say = (phase: string) =>
      progress.show(index * runs + run - 1 - setAside, of * runs, `${fault.id} ${fault.name}, run ${run}`, phase);
    try {
      const result = await runFault(fault, { perSecond: rate, seed: run, say, stopped });
      if (setAside < mostSetAside && tellsNothing(result)) setAside += 1;
      else results.push(result);
    } catch (cause) {
      stopped.throwIfAborted();
      failures.push(cause instanceof Error ? cause.message : String(cause));
    }
  }
  progress.clear();
  return summarize(fault, results, failures, setAside);
}

try {
  await main();
} catch (fault) {
  if (fault instanceof Stopped) process.exit(STOPPED_CODE);
  if (!(fault instanceof ArgumentFault)) throw fault;
  process.stderr.write(`${fault.message}\n\n${USAGE}\n`);
  process.exitCode = 2;
}
