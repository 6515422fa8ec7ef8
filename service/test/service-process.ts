// One real process of the service, from its first line to its exit code.
//
// Promise: its ports are free ones that it chose itself; it is ready for checks when `startService` returns; a start that
// fails says what the process said. Its environment holds nothing but what is given here.
import { fileURLToPath } from "node:url";
import type { CheckRequest, Decision } from "@sluice/contract";
import { BATCH_PATH, CHECK_PATH } from "../src/check/check.http.ts";
import { createCaller, type Reply } from "./caller.ts";
import { type Running, startProcess } from "./processes.ts";
import { waitFor } from "./wait.ts";

const START_TIMEOUT_MS = 40_000;

/** `main` is the service as it is shipped; `worker-with-clock` is one worker whose counters take the time from us. */
export type ServiceEntry = "main" | "worker-with-clock";
const ENTRIES: Readonly<Record<ServiceEntry, URL>> = {
  main: new URL("../src/main.ts", import.meta.url),
  "worker-with-clock": new URL("./worker-with-clock.ts", import.meta.url),
};

/** A line of the service's log: what tests read of it. */
export type LogLine = Readonly<Record<string, unknown> & { msg: string; pid: number; time: string }>;

export type ServiceProcess = Readonly<{
  port: number;
  /** The answer with its status, whatever it is. */
  post: (check: CheckRequest) => Promise<Reply>;
  /** The decision; throws when the answer is none. */
  ask: (check: CheckRequest) => Promise<Decision>;
  askBatch: (checks: readonly CheckRequest[]) => Promise<readonly Decision[]>;
  /** A page of the operations port. */
  operations: (path: string) => Promise<Reply>;
  metrics: () => Promise<string>;
  log: () => readonly LogLine[];
  process: Running;
  /** SIGTERM, or SIGKILL for one that does not listen; and our connections to it. */
  stop: () => Promise<void>;
}>;

export async function startService(
  environment: Readonly<Record<string, string>>,
  entry: ServiceEntry = "main",
): Promise<ServiceProcess> {
  const env = { PATH: process.env.PATH ?? "", SLUICE_PORT: "0", SLUICE_OPS_PORT: "0", ...environment };
  const running = await startProcess(process.execPath, [fileURLToPath(ENTRIES[entry])], { env });
  const { port, opsPort } = await portsOf(running).catch(async (fault) => {
    await running.stop();
    throw fault;
  });
  const service = createCaller(port);
  const ops = createCaller(opsPort);
  const ask = async (path: string, body: unknown) => {
    const { status, text } = await service.post(path, body);
    if (status !== 200) throw new Error(`The answer was ${status}, not 200: ${text}`);
    return JSON.parse(text);
  };
  return {
    port,
    post: (check) => service.post(CHECK_PATH, check),
    ask: async (check) => (await ask(CHECK_PATH, check)) as Decision,
    askBatch: async (checks) => ((await ask(BATCH_PATH, { checks })) as { decisions: Decision[] }).decisions,
    operations: ops.get,
    metrics: async () => (await ops.get("/metrics")).text,
    log: () => linesOf(running.output()),
    process: running,
    stop: async () => {
      await running.stop();
      service.close();
      ops.close();
    },
  };
}

async function portsOf(running: Running): Promise<{ port: number; opsPort: number }> {
  const ready = await waitFor(
    "the service says that it is ready",
    () =>
      running.isRunning() ? linesOf(running.output()).find(({ msg }) => msg === "ready") : { port: 0, opsPort: 0 },
    START_TIMEOUT_MS,
  ).catch((fault) => {
    throw new Error(`${fault instanceof Error ? fault.message : fault} It said:\n${running.output()}`);
  });
  if (!running.isRunning()) throw new Error(`The service ended at its start. It said:\n${running.output()}`);
  return { port: Number(ready.port), opsPort: Number(ready.opsPort) };
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
