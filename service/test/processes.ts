// Starts the real processes that tests talk to, and promises that none of them outlives the test process.
//
// A normal end kills them in an exit handler. A test process that is itself killed runs no handler, so on Linux the
// kernel does it: `setpriv --pdeathsig KILL` lets a child die with its parent, frozen or not.
// Known gap: elsewhere a SIGKILL of the test process leaves its servers running.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { findProgram, requireProgram } from "./programs.ts";

/** Kept of each process's output, for the message of a failing start. */
const MAX_OUTPUT_CHARACTERS = 64 * 1024;
/** A process that ignores SIGTERM this long is killed. */
const STOP_MS = 5_000;

export type Running = Readonly<{
  pid: number;
  /** What it wrote last to stdout and stderr, together. */
  output: () => string;
  isRunning: () => boolean;
  /** Resolves when it has ended: its exit code, or null after a signal. */
  ended: Promise<number | null>;
  signal: (signal: NodeJS.Signals) => void;
  /** SIGTERM, and SIGKILL for one that does not listen; resolves when it has ended. Thaws a frozen one first. */
  stop: () => Promise<void>;
  /** SIGKILL; resolves when it has ended. */
  kill: () => Promise<void>;
}>;

export type ProcessOptions = Readonly<{ cwd?: string; env?: NodeJS.ProcessEnv }>;

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts `command`; throws when it cannot be started at all. */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<Running> {
  const program = requireProgram(command);
  const setpriv = process.platform === "linux" ? findProgram("setpriv") : null;
  const spawning = {
    ...options,
    env: environmentOf(options),
    stdio: ["ignore", "pipe", "pipe"],
  } satisfies SpawnOptions;
  const child = setpriv
    ? spawn(setpriv, ["--pdeathsig", "KILL", program, ...args], spawning)
    : spawn(program, args, spawning);
  const output = collectOutput(child);
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  running.add(child);
  void ended.then(() => running.delete(child));

  const isRunning = () => running.has(child);
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  const stop = async () => {
    if (!isRunning()) return;
    child.kill("SIGTERM");
    child.kill("SIGCONT");
    const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(killer);
  };
  const signal = (name: NodeJS.Signals) => void child.kill(name);
  return { pid: child.pid ?? 0, output, isRunning, ended, signal, stop, kill };
}

/** Whatever else it is given, a process may use what Node has compiled in this run already (run-folder.ts). */
function environmentOf({ env = process.env }: ProcessOptions): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE === undefined ? env : { NODE_COMPILE_CACHE, ...env };
}

function collectOutput(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-MAX_OUTPUT_CHARACTERS);
    });
  }
  return () => text;
}
