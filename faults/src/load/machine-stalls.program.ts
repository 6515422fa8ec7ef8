// A witness of one core: wants to run every other millisecond, and tells its parent when it could not. Ends with its parent.
import type { Stall } from "../journal/entry.ts";

/** Each wakes the core that it watches: with one a millisecond, watching took 6 % of it. */
const TICK_MS = 2;
/** From one tick to the next: whoever else wanted the core had to wait for most of it. */
const LEAST_STALL_MS = 4;

let tickAtMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  const stalledMs = nowMs - tickAtMs;
  tickAtMs = nowMs;
  if (stalledMs <= LEAST_STALL_MS) return;
  const toMs = Date.now();
  const stall: Stall = { kind: "stall", fromMs: toMs - stalledMs, toMs };
  // A parent that ends meanwhile is no fault.
  process.send?.(stall, () => undefined);
}, TICK_MS);
process.once("disconnect", () => process.exit());
