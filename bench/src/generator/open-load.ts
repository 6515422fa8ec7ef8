// Sends requests at instants fixed in advance, whatever became of the ones before, and notes when each was answered.
//
// Arrivals are a Poisson process with a fixed seed: callers do not come in step. A thread paces them (pacer.worker.ts).
// Not here: what a reply must be, and what is made of the times (open-loop.ts, journal.ts).
import { Worker } from "node:worker_threads";
import { nowMs } from "../clock.ts";
import { arrivals } from "./arrivals.ts";
import type { OpenLoad } from "./job.ts";
import { Line } from "./line.ts";

/** From the order to the first request. */
const LEAD_MS = 200;
/** From the last request due to the last reply, far beyond every deadline: what is missing then never comes. */
const LAST_REPLY_MS = 10_000;

/** Instants per request, in the order they were due. */
export type Course = Readonly<{
  dueMs: Float64Array;
  /** When the generator came to it: what it waited for after that was a connection without a request on it. */
  noticedMs: Float64Array;
  sentMs: Float64Array;
  answeredMs: Float64Array;
}>;

/** Rejects when a reply is missing in the end, or a server hangs up. */
export async function runOpenLoad(load: OpenLoad, onReply: (index: number, reply: Buffer) => void): Promise<Course> {
  const requests = load.requests.map((text) => Buffer.from(text, "latin1"));
  const offsetsMs = arrivals(load.perSecond, load.seconds, load.seed);
  const [noticedMs, sentMs, answeredMs] = [0, 0, 0].map(() => new Float64Array(offsetsMs.length)) as Times;
  const done = Promise.withResolvers<void>();
  const idle: Line[] = [];
  /** Which request a connection is waiting for. */
  const sentOn = new Map<Line, number>();
  let due = 0;
  let sent = 0;
  let answered = 0;

  const sendWhatIsDue = () => {
    while (sent < due) {
      // The longest idle one, so that all are in use and no server closes one as forgotten.
      const line = idle.shift();
      if (line === undefined) return;
      sentMs[sent] = nowMs();
      sentOn.set(line, sent);
      line.send(requests[sent % requests.length] as Buffer);
      sent += 1;
    }
  };
  const received = (line: Line, reply: Buffer) => {
    const index = sentOn.get(line) as number;
    answeredMs[index] = nowMs();
    onReply(index, reply);
    answered += 1;
    idle.push(line);
    if (answered === offsetsMs.length) done.resolve();
    else sendWhatIsDue();
  };
  const opening = Array.from({ length: load.connections }, () =>
    Line.open(load.port, load.protocol, received, done.reject),
  );
  const lines = await Promise.all(opening);
  idle.push(...lines);
  const startMs = nowMs() + LEAD_MS;
  const pacer = new Worker(new URL("./pacer.worker.ts", import.meta.url), { workerData: { startMs, offsetsMs } });
  pacer.on("error", done.reject);
  pacer.on("message", (count: number) => {
    noticedMs.fill(nowMs(), due, count);
    due = count;
    sendWhatIsDue();
  });
  const overdue = setTimeout(
    () => done.reject(new Error(`${offsetsMs.length - answered} of ${offsetsMs.length} requests got no reply.`)),
    LEAD_MS + load.seconds * 1_000 + LAST_REPLY_MS,
  );
  try {
    await done.promise;
  } finally {
    clearTimeout(overdue);
    for (const line of lines) line.close();
    await pacer.terminate();
  }
  return { dueMs: offsetsMs.map((offset) => startMs + offset), noticedMs, sentMs, answeredMs };
}

type Times = [Float64Array, Float64Array, Float64Array];
