// The thread beside a watched event loop: asks, waits for the answer, and writes down what took too long.
//
// When this thread itself wakes late, nobody asked the loop meanwhile: the machine had no core for this process, or not
// enough of them. Such a gap counts as a stall, because it cannot be told that there was none.
import { openSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { nowMs } from "../clock.ts";
import { LEAST_STALL_MS } from "./stalls.ts";

const EVERY_MS = 2;

const { answered, file } = workerData as { answered: Int32Array; file: string };
const never = new Int32Array(new SharedArrayBuffer(4));
const output = openSync(file, "a");

for (let question = 1; ; question += 1) {
  const dueMs = nowMs() + EVERY_MS;
  Atomics.wait(never, 0, 0, EVERY_MS);
  const askedMs = nowMs();
  note(dueMs, askedMs);
  parentPort?.postMessage(question);
  Atomics.wait(answered, 0, question - 1);
  note(askedMs, nowMs());
}

function note(fromMs: number, toMs: number): void {
  if (toMs - fromMs > LEAST_STALL_MS) writeSync(output, `${fromMs} ${toMs}\n`);
}
