// Open loop: requests are due at instants fixed in advance, whatever became of the ones before. Measures latency.
//
// Latency counts from the instant a request was due, so one that had to wait for a free connection, or for a generator
// that stood still, is as slow as its caller would have seen it (no coordinated omission). How late the generator itself
// was is reported beside it. Arrivals are a Poisson process with a fixed seed: callers do not come in step.
import { Worker } from "node:worker_threads";
import { nowMs } from "../clock.ts";
import { quantile } from "../statistics.ts";
import { arrivals } from "./arrivals.ts";
import type { OpenJob, OpenResult, Quantiles } from "./job.ts";
import { Line } from "./line.ts";
import { ReplyCount } from "./replies.ts";

/** From the order to the first request. */
const LEAD_MS = 200;

export async function runOpenLoop(job: OpenJob): Promise<OpenResult> {
  const requests = job.requests.map((text) => Buffer.from(text, "latin1"));
  const offsetsMs = arrivals(job.perSecond, job.seconds, job.seed);
  const latenciesMs = new Float64Array(offsetsMs.length);
  const latenessMs = new Float64Array(offsetsMs.length);
  const replies = new ReplyCount(job.expect);
  const done = Promise.withResolvers<void>();
  const idle: Line[] = [];
  /** Which request a connection is waiting for. */
  const sentOn = new Map<Line, number>();
  let startMs = 0;
  let due = 0;
  let sent = 0;

  const sendWhatIsDue = () => {
    while (sent < due) {
      // The longest idle one, so that all are in use and no server closes one as forgotten.
      const line = idle.shift();
      if (line === undefined) return;
      latenessMs[sent] = nowMs() - startMs - (offsetsMs[sent] as number);
      sentOn.set(line, sent);
      line.send(requests[sent % requests.length] as Buffer);
      sent += 1;
    }
  };
  const onReply = (line: Line, reply: Buffer) => {
    const index = sentOn.get(line) as number;
    latenciesMs[index] = nowMs() - startMs - (offsetsMs[index] as number);
    replies.count(reply);
    idle.push(line);
    if (replies.completed === offsetsMs.length) done.resolve();
    else sendWhatIsDue();
  };
  const opening = Array.from({ length: job.connections }, () =>
    Line.open(job.port, job.protocol, onReply, done.reject),
  );
  const lines = await Promise.all(opening);
  idle.push(...lines);
  startMs = nowMs() + LEAD_MS;
  const pacer = new Worker(new URL("./pacer.worker.ts", import.meta.url), { workerData: { startMs, offsetsMs } });
  pacer.on("error", done.reject);
  pacer.on("message", (count: number) => {
    due = count;
    sendWhatIsDue();
  });
  try {
    await done.promise;
  } finally {
    for (const line of lines) line.close();
    await pacer.terminate();
  }
  return { ...replies.result(), latency: quantilesOf(latenciesMs), lateness: quantilesOf(latenessMs) };
}

function quantilesOf(values: Float64Array): Quantiles {
  const sorted = values.toSorted();
  return {
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
    greatest: quantile(sorted, 1),
  };
}
