// Open loop: how long replies take at a fixed rate. Measures latency.
//
// Latency counts from the instant a request was due, so one that had to wait for a free connection, or for a generator
// that stood still, is as slow as its caller would have seen it (no coordinated omission). How late the generator itself
// was is reported beside it.
import { quantilesOf } from "../statistics.ts";
import type { OpenJob, OpenResult } from "./job.ts";
import { runOpenLoad } from "./open-load.ts";
import { ReplyCount } from "./replies.ts";

export async function runOpenLoop(job: OpenJob): Promise<OpenResult> {
  const replies = new ReplyCount(job.expect);
  const { dueMs, sentMs, answeredMs } = await runOpenLoad(job, (_index, reply) => replies.count(reply));
  const sinceDue = (instants: Float64Array) => instants.map((instant, index) => instant - (dueMs[index] as number));
  return {
    ...replies.result(),
    latency: quantilesOf(sinceDue(answeredMs)),
    lateness: quantilesOf(sinceDue(sentMs)),
  };
}
