// The same load as the open loop, but every single reply is told: when its request was due, when it came, what it said.
// For what changes while it is measured. The generator watches itself for stalls meanwhile.
import { watchStalls } from "../stalls/watch.ts";
import type { JournalJob, Told } from "./job.ts";
import { runOpenLoad } from "./open-load.ts";

export async function runJournal(job: JournalJob): Promise<Told[]> {
  const outcomes: string[] = [];
  const watch = watchStalls(job.stallsFile);
  try {
    const { dueMs, noticedMs, answeredMs } = await runOpenLoad(job, (index, reply) => {
      outcomes[index] = outcomeOf(reply);
    });
    return Array.from(dueMs, (due, index) => ({
      dueMs: due,
      noticedMs: noticedMs[index] as number,
      answeredMs: answeredMs[index] as number,
      outcome: outcomes[index] as string,
    }));
  } finally {
    await watch.end();
  }
}

const REASON = /"reason":"([A-Z_]+)"/;
const STATUS = "HTTP/1.1 ".length;

/** The decision's reason, or for anything but a 200 its status. */
function outcomeOf(reply: Buffer): string {
  const status = reply.toString("latin1", STATUS, STATUS + 3);
  const [, reason] = REASON.exec(reply.toString("latin1")) ?? [];
  return status === "200" && reason !== undefined ? reason : `HTTP ${status}`;
}
