// One instance of the service: a process with its workers, on ports and in a folder that stay the same over its lives.
//
// Promise: `start` resolves when it is ready for checks, and throws what it said when it ends instead; every signal
// reaches the workers too, as it does when a container is killed or frozen.
// Not here: what stands in its environment (stack.ts).
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { CheckRequest, Decision } from "@sluice/contract";
import { CHECK_PATH } from "@sluice/service/check/check.http.ts";
import { createCaller, type Reply } from "../../service/test/caller.ts";
import { claimPorts } from "../../service/test/ports.ts";
import { type Running, startProcess } from "../../service/test/processes.ts";
import type { LogLine } from "../../service/test/service-process.ts";
import { waitFor } from "../../service/test/wait.ts";
import type { NetworkPlace } from "./network.ts";

const MAIN = fileURLToPath(new URL("../../service/src/main.ts", import.meta.url));
/** What Node has compiled is kept from one start to the next, as the image of a deployment has it. */
const COMPILED = fileURLToPath(new URL("../../node_modules/.cache/sluice-compiled", import.meta.url));
/** A busy machine takes several times the usual two seconds. */
const START_TIMEOUT_MS = 90_000;

export type ServiceInstance = Readonly<{
  name: string;
  /** Of checks, of the Admin API and of the operations port. */
  url: string;
  adminUrl: string;
  opsUrl: string;
  dataFolder: string;
  /** Of its first process. */
  pid: () => number;
  isRunning: () => boolean;
  ask: (check: CheckRequest) => Promise<Decision>;
  /** A page of the operations port. */
  operations: (path: string) => Promise<Reply>;
  metrics: () => Promise<string>;
  /** What it has written, over all its lives. */
  log: () => readonly LogLine[];
  /** SIGKILL of all its processes. */
  kill: () => Promise<void>;
  /** SIGTERM, to a frozen one too; resolves with the exit code, null when it had to be killed. */
  terminate: () => Promise<number | null>;
  /** SIGSTOP and SIGCONT of all its processes. */
  freeze: () => void;
  thaw: () => void;
  /** Ends what is running first. `environment` goes over that of the stack, for this life. */
  start: (environment?: Readonly<Record<string, string>>) => Promise<void>;
  /** The end: our connections to it are closed, too. */
  stop: () => Promise<void>;
}>;

export type InstanceOptions = Readonly<{
  name: string;
  dataFolder: string;
  network: NetworkPlace;
  environment: Readonly<Record<string, string>>;
  /** What callers and scrapers must send. */
  checkHeaders: Readonly<Record<string, string>>;
  scrapeHeaders: Readonly<Record<string, string>>;
}>;

/** Started, and ready. */
export async function startInstance(options: InstanceOptions): Promise<ServiceInstance> {
  const { name, dataFolder, network } = options;
  const [port = 0, adminPort = 0, opsPort = 0] = await claimPorts(3);
  const checks = createCaller(port, true, options.checkHeaders, network.address);
  const ops = createCaller(opsPort, true, options.scrapeHeaders, network.address);
  let running: Running | null = null;
  let earlierOutput = "";

  const terminate = async () => {
    signalAll(running, "SIGCONT");
    await running?.stop();
    return (await running?.ended) ?? null;
  };
  const start = async (further: Readonly<Record<string, string>> = {}) => {
    await terminate();
    earlierOutput += running?.output() ?? "";
    const env = {
      PATH: process.env.PATH ?? "",
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? COMPILED,
      SLUICE_HOST: network.address,
      SLUICE_PORT: String(port),
      SLUICE_ADMIN_PORT: String(adminPort),
      SLUICE_OPS_PORT: String(opsPort),
      SLUICE_DATA_DIR: dataFolder,
      ...options.environment,
      ...further,
    };
    const [command = "", ...words] = [...network.enter, process.execPath, MAIN];
    const started = await startProcess(command, words, { env, cwd: dataFolder });
    running = started;
    await isReady(name, started);
  };
  await start();
  return {
    name,
    url: `http://${network.address}:${port}`,
    adminUrl: `http://${network.address}:${adminPort}`,
    opsUrl: `http://${network.address}:${opsPort}`,
    dataFolder,
    pid: () => running?.pid ?? 0,
    isRunning: () => running?.isRunning() ?? false,
    ask: async (check) => {
      const { status, text } = await checks.post(CHECK_PATH, check);
      if (status !== 200) throw new Error(`The answer of ${name} was ${status}, not 200: ${text}`);
      return JSON.parse(text) as Decision;
    },
    operations: ops.get,
    metrics: async () => (await ops.get("/metrics")).text,
    log: () => linesOf(earlierOutput + (running?.output() ?? "")),
    kill: async () => {
      signalAll(running, "SIGKILL");
      await running?.ended;
    },
    terminate,
    freeze: () => signalAll(running, "SIGSTOP"),
    thaw: () => signalAll(running, "SIGCONT"),
    start,
    stop: async () => {
      await terminate();
      checks.close();
      ops.close();
    },
  };
}

async function isReady(name: string, running: Running): Promise<void> {
  const said = () => linesOf(running.output()).some(({ msg }) => msg === "ready");
  await waitFor(`${name} is ready`, () => said() || !running.isRunning(), START_TIMEOUT_MS).catch(async (fault) => {
    const heard = running.output();
    await running.kill();
    throw new Error(`${fault instanceof Error ? fault.message : fault} It said:\n${heard}`);
  });
  if (!running.isRunning()) throw new Error(`${name} ended at its start. It said:\n${running.output()}`);
}

function signalAll(running: Running | null, signal: NodeJS.Signals): void {
  if (!running?.isRunning()) return;
  for (const worker of childrenOf(running.pid)) process.kill(worker, signal);
  running.signal(signal);
}

/** Linux alone tells; elsewhere the first process gets the signal alone, which is all there is with one worker. */
function childrenOf(pid: number): number[] {
  if (process.platform !== "linux") return [];
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

function linesOf(output: string): LogLine[] {
  return output.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as LogLine];
    } catch {
      return []; // a half line, or talk of Node itself
    }
  });
}
