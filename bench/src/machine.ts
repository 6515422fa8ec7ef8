// The machine as Linux tells it under /proc: what it is, what a process used, what others used meanwhile.
// Linux only: elsewhere the CPU time of another process cannot be read like this.
import { existsSync, readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

/** /proc counts in ticks of 10 ms on every Linux that Node.js runs on (USER_HZ). */
const TICK_MS = 10;

export async function describeMachine(): Promise<string> {
  const cores = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `${cores.length} cores (${cores[0]?.model.trim() ?? "unknown"}), ${gigabytes} GB, Linux, Node ${process.versions.node}`;
}

/** CPU time a process has used, user and system, all its threads. */
export function cpuMsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field is the program's name in parentheses, and may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

type MachineTimes = Readonly<{ totalMs: number; idleMs: number; stolenMs: number }>;

/**
 * The function it gives says what others used since. `pids` are the processes of the bench, asked at the end: what has
 * ended by then, and the server processes of PostgreSQL, count as others.
 */
export function watchOthers(pids: () => readonly number[]) {
  const before = machineTimes();
  const oursBefore = new Map(pids().map((pid) => [pid, cpuMsOf(pid)]));
  return (): Readonly<{ othersShare: number; stolenShare: number }> => {
    const now = machineTimes();
    const totalMs = now.totalMs - before.totalMs;
    const busyMs = totalMs - (now.idleMs - before.idleMs) - (now.stolenMs - before.stolenMs);
    const oursMs = pids()
      .filter((pid) => existsSync(`/proc/${pid}`))
      .reduce((sum, pid) => sum + cpuMsOf(pid) - (oursBefore.get(pid) ?? 0), 0);
    return {
      othersShare: Math.max(0, busyMs - oursMs) / totalMs,
      stolenShare: (now.stolenMs - before.stolenMs) / totalMs,
    };
  };
}

/** The first line of /proc/stat: user nice system idle iowait irq softirq steal. */
function machineTimes(): MachineTimes {
  const [line = ""] = readFileSync("/proc/stat", "latin1").split("\n");
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const [, , , idle = 0, waiting = 0, , , stolen = 0] = ticks;
  return {
    totalMs: ticks.reduce((sum, each) => sum + each, 0) * TICK_MS,
    idleMs: (idle + waiting) * TICK_MS,
    stolenMs: stolen * TICK_MS,
  };
}
