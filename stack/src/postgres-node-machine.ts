// A machine of its own for one node of PostgreSQL: a process namespace whose first process is the keeper (pg_autoctl).
//
// Promise: `kill` ends everything on it at one instant, as a power cut does, and has ended it when it resolves; `freeze`
// stops everything on it. Nothing of it outlives this process, which the kernel sees to (`--kill-child`, `--pdeathsig`).
// A machine that is started again finds its disk as it was, and its runtime folder and process ids gone.
// Not here: what is on the disk (postgres-node.ts). Linux only; needs root, or namespaces that users may make.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { giveToServerUser } from "../../service/test/postgres.ts";
import { type Running, startProcess } from "../../service/test/processes.ts";
import { requireProgram } from "../../service/test/programs.ts";
import { waitFor } from "../../service/test/wait.ts";
import type { NetworkPlace } from "./network.ts";

const COMMAND_TIMEOUT_MS = 60_000;
/** A process that starts while others are being stopped is found by a later look. */
const LOOKS_TO_SIGNAL_ALL = 3;

export type MachinePlace = Readonly<{
  name: string;
  folder: string;
  socketFolder: string;
  programs: string;
  network: NetworkPlace;
}>;

export type Machine = Readonly<{
  dataFolder: string;
  /**
   * Runs one command to its end on the machine while nothing else runs there. The tools of pg_auto_failover, run beside a
   * keeper from outside its namespace, would take its pid file for a stale one.
   */
  run: (program: string, args: readonly string[], options?: RunOptions) => Promise<void>;
  /** Boots: runs the keeper until it is killed. */
  start: () => Promise<void>;
  kill: () => Promise<void>;
  freeze: () => void;
  thaw: () => void;
  isRunning: () => boolean;
  /** SIGKILL of the postmaster alone. */
  killPostmaster: () => Promise<void>;
  /** The postmaster's process id as it is seen from outside the machine; 0 while there is none. */
  postmaster: () => number;
  /** What the keeper said since the last start. */
  output: () => string;
}>;

/** `isAlone`: without any network, for a command that would listen to all the world. */
export type RunOptions = Readonly<{ isAlone?: boolean }>;

export async function prepareMachine(place: MachinePlace): Promise<Machine> {
  const { name, folder, socketFolder, programs, network } = place;
  const home = join(folder, "home");
  const runtime = join(folder, "run");
  const dataFolder = join(folder, "data");
  await mkdir(home, { recursive: true });
  const env = {
    PATH: `${programs}:/usr/local/bin:/usr/bin:/bin`,
    LANG: "C.UTF-8",
    HOME: home,
    XDG_RUNTIME_DIR: runtime,
    PGDATA: dataFolder,
    PGHOST: socketFolder,
  };
  let keeper: Running | null = null;

  /** What lies on the disk of a machine that was cut off, and would be gone after its boot. */
  const forgetProcesses = async () => {
    await rm(runtime, { recursive: true, force: true });
    await mkdir(runtime, { recursive: true });
    await rm(join(dataFolder, "postmaster.pid"), { force: true });
    await giveToServerUser(folder);
  };
  /** The first process of the machine, whose end is the end of all. */
  const first = (): number => {
    if (!keeper?.isRunning()) return 0;
    return Number(readOf(`/proc/${keeper.pid}/task/${keeper.pid}/children`).trim().split(" ")[0]);
  };
  const signalAll = (signal: NodeJS.Signals) => {
    for (let look = 0; look < LOOKS_TO_SIGNAL_ALL; look++) {
      for (const pid of processesBeside(first())) signalIfThere(pid, signal);
    }
  };
  const postmaster = () => processesBeside(first()).find(isPostmaster) ?? 0;
  return {
    dataFolder,
    run: async (program, args, options = {}) => {
      await forgetProcesses();
      const [command = "", ...words] = onMachine(network, machineWords([program, ...args], options));
      const bounds = { timeout: COMMAND_TIMEOUT_MS, killSignal: "SIGKILL" } as const;
      await promisify(execFile)(command, words, { env, cwd: folder, ...bounds });
    },
    start: async () => {
      if (keeper?.isRunning()) return;
      await forgetProcesses();
      const [command = "", ...words] = onMachine(network, machineWords(["pg_autoctl", "run"], {}));
      keeper = await startProcess(command, words, { env, cwd: folder });
      await waitFor(`the machine of ${name} runs`, first);
    },
    kill: async () => {
      const pid = first();
      if (pid !== 0) signalIfThere(pid, "SIGKILL");
      await keeper?.ended;
    },
    freeze: () => signalAll("SIGSTOP"),
    thaw: () => signalAll("SIGCONT"),
    isRunning: () => keeper?.isRunning() ?? false,
    killPostmaster: async () => {
      const pid = postmaster();
      if (pid === 0) throw new Error(`No PostgreSQL runs on ${name}: start it first.`);
      signalIfThere(pid, "SIGKILL");
    },
    postmaster,
    output: () => keeper?.output() ?? "",
  };
}

/** The machine is where its place in the network is. */
function onMachine({ enter }: NetworkPlace, words: readonly string[]): string[] {
  return [...enter, requireProgram("unshare"), ...words];
}

/** The words after `unshare`: namespaces that end with their first process, which is no root. */
function machineWords(command: readonly string[], { isAlone = false }: RunOptions): string[] {
  const [program = "", ...args] = command;
  const found = requireProgram(program);
  // Shared memory that a killed server leaves behind goes with its namespace.
  const words = ["--pid", "--ipc", "--fork", "--kill-child", ...(isAlone ? ["--net"] : [])];
  if (process.getuid?.() !== 0) return ["--user", "--map-current-user", ...words, found, ...args];
  const become = ["--reuid", "postgres", "--regid", "postgres", "--init-groups", "--pdeathsig", "KILL"];
  return [...words, requireProgram("setpriv"), ...become, found, ...args];
}

function processesBeside(pid: number): number[] {
  const namespace = namespaceOf(pid);
  if (namespace === null) return [];
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((each) => namespaceOf(each) === namespace);
}

/** Null when the process is gone. */
function namespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return null;
  }
}

function isPostmaster(pid: number): boolean {
  const words = readOf(`/proc/${pid}/cmdline`).split("\0");
  return words[0]?.endsWith("/postgres") === true && words.includes("-D");
}

/** Empty when the process is gone. */
function readOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== "ESRCH") throw fault;
  }
}
