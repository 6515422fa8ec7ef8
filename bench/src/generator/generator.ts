// The bench's side of the load generator: hands jobs to its process, and trusts no result with unexpected replies in it.
import type { Child } from "../servers/child.ts";
import { startChild } from "../servers/child.ts";
import type { ClosedJob, ClosedResult, Job, JobAnswer, JournalJob, OpenJob, OpenResult, Told } from "./job.ts";

export type Generator = Readonly<{
  pid: number;
  closedLoop: (job: Omit<ClosedJob, "kind">) => Promise<ClosedResult>;
  openLoop: (job: Omit<OpenJob, "kind">) => Promise<OpenResult>;
  /** In the order they were due, whatever the replies were. */
  journal: (job: Omit<JournalJob, "kind">) => Promise<readonly Told[]>;
  stop: () => Promise<void>;
}>;

export async function startGenerator(): Promise<Generator> {
  const child = await startChild(new URL("./generator.program.ts", import.meta.url), []);
  return {
    pid: child.pid,
    closedLoop: async (job) => {
      const answer = await ask(child, { ...job, kind: "closed" });
      if (answer.kind !== "closed") throw new Error("The generator answered another kind of job.");
      return trusted(answer.result);
    },
    openLoop: async (job) => {
      const answer = await ask(child, { ...job, kind: "open" });
      if (answer.kind !== "open") throw new Error("The generator answered another kind of job.");
      return trusted(answer.result);
    },
    journal: async (job) => {
      const answer = await ask(child, { ...job, kind: "journal" });
      if (answer.kind !== "journal") throw new Error("The generator answered another kind of job.");
      return answer.result;
    },
    stop: child.stop,
  };
}

async function ask(child: Child, job: Job): Promise<JobAnswer> {
  const answer = await child.ask<JobAnswer>(job);
  if (answer.kind === "failed") throw new Error(`The load generator failed: ${answer.message}`);
  return answer;
}

/** A refusal or a Fallback's answer costs less than a decision: figures with such replies in them would flatter. */
function trusted<Result extends ClosedResult | OpenResult>(result: Result): Result {
  if (result.unexpected === 0) return result;
  const { unexpected, completed, sample } = result;
  throw new Error(`${unexpected} of ${completed} replies were not what is measured, the first one:\n${sample}`);
}
