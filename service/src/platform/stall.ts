// Measures how long our own event loop stands still: GC, a busy core, a long computation.
// A tick is due every TICK_MS; as much later as it comes, so long we stood still, or up to a tick longer. What the store's
// deadlines make of a stall is their own (deadlines.ts): this is the figure beside it, and the only one where no store is.
import type { Metrics } from "./metrics.ts";

/** Each wakes a process that has nothing else to do: at 4 ms they were two thirds of what an idle one costs. */
export const TICK_MS = 20;
/** Lateness below this is the jitter of timers. */
export const LEAST_STALL_MS = 4;

/** Returns the end of the watch. */
export function watchStalls(metrics: Pick<Metrics, "stall">): () => void {
  let dueMs = performance.now() + TICK_MS;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const lateMs = nowMs - dueMs;
    if (lateMs >= LEAST_STALL_MS) metrics.stall(lateMs);
    dueMs = nowMs + TICK_MS;
  }, TICK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
