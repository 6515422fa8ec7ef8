// A line in front of something that only a few may use at once: first come, first served, and a full line refuses. Pure.
import { Refusal } from "../platform/refusal.ts";

export type Line = <T>(work: () => Promise<T>) => Promise<T>;

const RETRY_MS = 5_000;

export function createLine(atOnce: number, mostWaiting: number): Line {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running < atOnce) running++;
    else if (waiting.length < mostWaiting) await new Promise<void>((resolve) => waiting.push(resolve));
    else throw new Refusal("UNAVAILABLE", "Too many sign in at once: try again shortly.", { retryAfterMs: RETRY_MS });
    try {
      return await work();
    } finally {
      // Whoever ends hands its place over, so that nobody can slip in between.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
