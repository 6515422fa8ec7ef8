// The lab's side of the load generator: starts its process, stops it, reads its journal.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Journal } from "../journal/entry.ts";
import { readJournalFile } from "../journal/journal-file.ts";
import type { LoadDone, LoadJob } from "./load-job.ts";

export type Load = Readonly<{
  pid: number;
  /** Asks no more; the whole journal, once everything is answered or given up. */
  stop: () => Promise<Journal>;
  /** Ends the process without waiting for answers. */
  kill: () => void;
}>;

const PROGRAM = fileURLToPath(new URL("./load.program.ts", import.meta.url));

export async function startLoad(job: LoadJob): Promise<Load> {
  const child = fork(PROGRAM);
  const ended = once(child, "exit");
  await once(child, "spawn");
  child.send(job);
  const stop = async () => {
    const done = once(child, "message") as Promise<[LoadDone]>;
    if (child.connected) child.send("stop");
    const died = ended.then(([code, signal]) => {
      throw new Error(`The load generator ended with ${code ?? signal} before its journal was complete.`);
    });
    await Promise.race([done, died]);
    await ended;
    return await readJournalFile(job.journalPath);
  };
  return { pid: child.pid ?? 0, stop, kill: () => void child.kill("SIGKILL") };
}
