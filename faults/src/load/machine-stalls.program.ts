// A witness of one core: wants to run every millisecond, and tells its parent when it could not. Ends with its parent.
import type { Stall } from "../journal/entry.ts";

const TICK_MS = 1;
/** A tick that comes this much late: whoever else wanted the core had to wait as long. */
const LEAST_STALL_MS = 3;

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
