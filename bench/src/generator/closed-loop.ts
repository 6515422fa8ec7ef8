// Closed loop: every connection sends its next request when it has the reply to the last. Measures throughput.
import type { ClosedJob, ClosedResult } from "./job.ts";
import { Line } from "./line.ts";
import { ReplyCount } from "./replies.ts";

export async function runClosedLoop(job: ClosedJob): Promise<ClosedResult> {
  const requests = job.requests.map((text) => Buffer.from(text, "latin1"));
  const replies = new ReplyCount(job.expect);
  const done = Promise.withResolvers<void>();
  let sent = 0;
  let endMs = Number.POSITIVE_INFINITY;
  let open = job.connections;
  const next = (line: Line) => {
    if (performance.now() < endMs) {
      line.send(requests[sent++ % requests.length] as Buffer);
      return;
    }
    open -= 1;
    if (open === 0) done.resolve();
  };
  const onReply = (line: Line, reply: Buffer) => {
    replies.count(reply);
    next(line);
  };
  const opening = Array.from({ length: open }, () => Line.open(job.port, job.protocol, onReply, done.reject));
  const lines = await Promise.all(opening);
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  endMs = startMs + job.seconds * 1_000;
  for (const line of lines) next(line);
  try {
    await done.promise;
  } finally {
    for (const line of lines) line.close();
  }
  const { user, system } = process.cpuUsage(cpu);
  return {
    ...replies.result(),
    elapsedSeconds: (performance.now() - startMs) / 1_000,
    generatorMs: (user + system) / 1_000,
  };
}
