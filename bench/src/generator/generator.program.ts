// The load generator's process: takes one job at a time from the bench, and ends with it.

import { runClosedLoop } from "./closed-loop.ts";
import type { Job, JobAnswer } from "./job.ts";
import { runJournal } from "./journal.ts";
import { runOpenLoop } from "./open-loop.ts";

async function answerTo(job: Job): Promise<JobAnswer> {
  try {
    if (job.kind === "closed") return { kind: "closed", result: await runClosedLoop(job) };
    if (job.kind === "journal") return { kind: "journal", result: await runJournal(job) };
    return { kind: "open", result: await runOpenLoop(job) };
  } catch (fault) {
    return { kind: "failed", message: fault instanceof Error ? fault.message : String(fault) };
  }
}

process.on("message", (job: Job) => void answerTo(job).then((answer) => process.send?.(answer)));
process.once("disconnect", () => process.exit());
