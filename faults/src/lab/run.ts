// Runs one fault once: baseline, fault, recovery, under the same load throughout, on a stack of its own.
//
// Promise: nothing of it is left when it ends, whatever failed. A run whose steps fail is thrown and is no result.
// Not here: what the journal shows (check/), or how often and which (main.ts).
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startStack } from "../../../stack/src/stack.ts";
import type { ClockMove } from "../check/clock-moves.ts";
import { type Evidence, type Figures, figuresOf } from "../check/figures.ts";
import type { Timeline } from "../check/timeline.ts";
import { joinJournals } from "../journal/entry.ts";
import { castOf, policySetOf } from "../load/cast.ts";
import { type Load, startLoad } from "../load/load.ts";
import type { LoadJob } from "../load/load-job.ts";
import { witnessMachineStalls } from "../load/machine-stalls.ts";
import { judge, KILLED_USAGE, LOST_USAGE, SURPLUS_USAGE, type Verdict } from "./expectations.ts";
import type { Fault, World } from "./fault.ts";
import { usageBalance } from "./recorded-usage.ts";

export type RunOptions = Readonly<{
  perSecond: number;
  seed: number;
  say: (phase: string) => void;
  /** Ends the run: it is cleared away, and the signal's reason is thrown. */
  stopped: AbortSignal;
}>;

export type RunResult = Readonly<{
  fault: Fault["id"];
  figures: Figures;
  /** Figures that only this fault has. */
  told: Readonly<Record<string, number>>;
  verdicts: readonly Verdict[];
  evidence: Evidence;
}>;

/** New processes are slow until their code is compiled; no latency is taken from there. */
const WARM_UP_MS = 3_000;
const BASELINE_MS = 8_000;
/** The service's own, where a fault sets none. */
const SNAPSHOT_INTERVAL_MS = 5_000;

export async function runFault(
  fault: Fault,
  { perSecond: labRate, seed, say, stopped }: RunOptions,
): Promise<RunResult> {
  const perSecond = fault.perSecond ?? labRate;
  const undo: (() => Promise<void>)[] = [];
  const atEnd = (step: () => Promise<void>) => void undo.push(step);
  try {
    say("starting the stack");
    const stack = await startStack(fault.stack);
    atEnd(stack.close);
    const folder = await mkdtemp(join(tmpdir(), "sluice-faults-"));
    atEnd(() => rm(folder, { recursive: true, force: true }));
    const cast = castOf("lab");
    const totalMs = BASELINE_MS + fault.faultMs + fault.recoveryMs;
    const policies = policySetOf(cast, { perSecond, baselineMs: BASELINE_MS, totalMs });
    await stack.inForce(await stack.put(policies));

    const loads: Load[] = [];
    atEnd(async () => {
      for (const load of loads) load.kill();
    });
    const begin = async (job: Pick<LoadJob, "perSecond" | "cast">) => {
      const number = loads.length + 1;
      const journalPath = join(folder, `journal-${number}`);
      const place = { targets: [stack.balancer.url], headers: stack.checkHeaders, journalPath };
      loads.push(await startLoad({ ...job, ...place, seed: seed * 100 + number, source: `load-${number}` }));
    };
    const notes: Notes = { told: {}, killedAtMs: [], clockMoves: [] };
    const world = worldOf({ stack, cast, perSecond, pause: pauseUntil(stopped) }, begin, atEnd, notes);
    await fault.prepare?.(world);
    const witnesses = await witnessMachineStalls();
    atEnd(witnesses.stop);
    await begin({ perSecond, cast });
    const { timeline, struck } = await goThrough(fault, world, say);
    const journal = joinJournals(await Promise.all(loads.splice(0).map((load) => load.stop())));
    await witnesses.stop();
    say("inspecting");
    await fault.inspect?.(world);
    if (fault.usage) {
      const intervalMs = Number(fault.stack?.environment?.SLUICE_SNAPSHOT_INTERVAL_MS ?? SNAPSHOT_INTERVAL_MS);
      // Until the next interval ends, and until that is written.
      const unwrittenMs = 2 * intervalMs;
      const { lost, ofKilled, surplus } = await usageBalance(stack, journal.entries, {
        atMs: notes.killedAtMs,
        unwrittenMs,
      });
      world.tell(LOST_USAGE, lost);
      world.tell(KILLED_USAGE, ofKilled);
      world.tell(SURPLUS_USAGE, surplus);
    }
    const { told, clockMoves } = notes;
    const { figures, evidence } = figuresOf({
      journal,
      policies,
      timeline,
      struck,
      machineStalls: witnesses.seen(),
      clockMoves,
    });
    return { fault: fault.id, figures, told, verdicts: judge(fault.expectations, figures, told), evidence };
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

async function goThrough(fault: Fault, world: World, say: RunOptions["say"]) {
  const startedMs = Date.now();
  say("baseline");
  await world.pause(BASELINE_MS);
  say("fault");
  const inflictedMs = Date.now();
  const struck = await fault.inflict(world);
  await world.pause(Math.max(0, inflictedMs + fault.faultMs - Date.now()));
  say("recovery");
  const mendedMs = fault.mend === undefined ? null : Date.now();
  await fault.mend?.(world);
  await world.pause(fault.recoveryMs);
  const timeline: Timeline = { warmMs: startedMs + WARM_UP_MS, inflictedMs, mendedMs, endMs: Date.now() };
  return { timeline, struck };
}

/** Throws what ends the run, where it is ended. */
function pauseUntil(stopped: AbortSignal): World["pause"] {
  return async (milliseconds) => {
    await pause(milliseconds, undefined, { signal: stopped }).catch(() => stopped.throwIfAborted());
  };
}

/** What steps of a fault say about the run. */
type Notes = Readonly<{ told: Record<string, number>; killedAtMs: number[]; clockMoves: ClockMove[] }>;

function worldOf(
  given: Pick<World, "stack" | "cast" | "perSecond" | "pause">,
  begin: (job: Pick<LoadJob, "perSecond" | "cast">) => Promise<void>,
  atEnd: World["atEnd"],
  notes: Notes,
): World {
  const { stack, cast } = given;
  return {
    ...given,
    tenantsOf: async (master) => {
      const owners = await Promise.all(cast.map(async ({ id }) => ({ id, owner: await stack.redis.masterOf(id) })));
      return owners.filter(({ owner }) => owner === master).map(({ id }) => id);
    },
    moreLoad: (perSecond, tenants) => begin({ perSecond, cast: cast.filter(({ id }) => tenants.includes(id)) }),
    killInstance: async (instance) => {
      notes.killedAtMs.push(Date.now());
      await instance.kill();
    },
    clockMoved: (move) => void notes.clockMoves.push(move),
    tell: (name, value) => {
      notes.told[name] = value;
    },
    atEnd,
  };
}
