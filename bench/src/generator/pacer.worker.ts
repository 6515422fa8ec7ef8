// Tells the open loop when requests are due. A thread of its own may sleep to the tenth of a millisecond, while timers of
// an event loop have the grain of one, and spinning would take a core from the server under load.
import { parentPort, workerData } from "node:worker_threads";
import { nowMs } from "../clock.ts";

const { startMs, offsetsMs } = workerData as { startMs: number; offsetsMs: Float64Array };
const never = new Int32Array(new SharedArrayBuffer(4));

/** Posts how many requests are due by now, each time that number has grown. */
for (let due = 0; due < offsetsMs.length; ) {
  const waitMs = startMs + (offsetsMs[due] as number) - nowMs();
  if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs);
  const elapsedMs = nowMs() - startMs;
  while (due < offsetsMs.length && (offsetsMs[due] as number) <= elapsedMs) due += 1;
  parentPort?.postMessage(due);
}
