// Measures when the event loop of this very process stood still, finer than its own timers could: a thread beside it asks
// the loop every other millisecond and waits for its answer. Works alike in the service (servers/watched.preload.ts) and
// in the load generator, and changes neither.
//
// A stall is written down as soon as it is over, one line `from to` with instants of the shared clock (clock.ts).
// The price: hundreds of wake-ups a second, up to 8 % of a core. Watched processes are slower for it, never faster.
// Known gap: stalls below three milliseconds are seen by chance, as they may lie between two questions.
import { Worker } from "node:worker_threads";

export type StallWatch = Readonly<{ end: () => Promise<void> }>;

/** `file` is appended to. The watch does not keep the process alive. */
export function watchStalls(file: string): StallWatch {
  const answered = new Int32Array(new SharedArrayBuffer(4));
  // Without the flags of this process: a preload that starts a watch would start one in the watch, too.
  const thread = new Worker(new URL("./watch.worker.ts", import.meta.url), {
    workerData: { answered, file },
    execArgv: [],
  });
  thread.on("message", (question: number) => {
    Atomics.store(answered, 0, question);
    Atomics.notify(answered, 0);
  });
  thread.unref();
  return { end: async () => void (await thread.terminate()) };
}
