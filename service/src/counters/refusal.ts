// A limit that refuses a cost, and which of several is named. Pure.
import type { WindowLimit } from "./claim.ts";

export type Refusal = Readonly<{
  limit: WindowLimit;
  /** The estimate rounded up, without the refused cost. */
  used: number;
  /** Milliseconds until this limit lets the same cost pass if nothing else is taken; null when it never does. */
  retryAfterMs: number | null;
}>;

/** Of two refusals the one that never clears, else the one that clears last; `first` when they are alike. */
export function graverRefusal(first: Refusal | null, second: Refusal): Refusal {
  if (first === null) return second;
  if (first.retryAfterMs === null) return first;
  if (second.retryAfterMs === null) return second;
  return second.retryAfterMs > first.retryAfterMs ? second : first;
}
