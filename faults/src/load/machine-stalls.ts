// When the machine itself stood still: a witness on each core says when it could not run although it wanted to, because the
// machine below took the core away or everything of the stack wanted it at once. Many servers on few cores do that; on
// machines of their own they would not. Linux says who runs where; elsewhere the witnesses share the cores.
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { findProgram } from "../../../service/test/programs.ts";
import type { Stall } from "../journal/entry.ts";

export type MachineStalls = Readonly<{
  pids: readonly number[];
  /** Until now. */
  seen: () => readonly Stall[];
  stop: () => Promise<void>;
}>;

const PROGRAM = fileURLToPath(new URL("./machine-stalls.program.ts", import.meta.url));
/** Where there are more cores than that, nobody waits for one. */
const MOST_WITNESSES = 8;

export async function witnessMachineStalls(): Promise<MachineStalls> {
  const stalls: Stall[] = [];
  const cores = Array.from({ length: Math.min(MOST_WITNESSES, availableParallelism()) }, (_, core) => core);
  const witnesses = await Promise.all(cores.map((core) => startWitness(core, (stall) => stalls.push(stall))));
  return {
    pids: witnesses.map(({ pid }) => pid ?? 0),
    seen: () => stalls,
    stop: async () => void (await Promise.all(witnesses.map(dismiss))),
  };
}

async function startWitness(core: number, saw: (stall: Stall) => void): Promise<ChildProcess> {
  const witness = fork(PROGRAM);
  witness.on("message", (stall: Stall) => saw(stall));
  await once(witness, "spawn");
  // Without it, as on a system that does not tell cores apart, it sees the stalls of whatever core it is on.
  const taskset = findProgram("taskset");
  if (taskset !== null) spawnSync(taskset, ["-cp", String(core), String(witness.pid)]);
  return witness;
}

async function dismiss(witness: ChildProcess): Promise<void> {
  if (!witness.connected) return;
  const ended = once(witness, "exit");
  witness.disconnect();
  await ended;
}
