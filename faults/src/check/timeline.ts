// The instants of a run, UTC milliseconds of the machine's clock, and which requests belong to which part of it, or met a
// stall. Pure.
import { type Entry, endedMs, type Stall } from "../journal/entry.ts";

export type Timeline = Readonly<{
  /** Before it the instances still warm up: no latency is taken from there. */
  warmMs: number;
  /** The fault was about to begin. */
  inflictedMs: number;
  /** What was broken is about to be mended; null where nothing is mended, and the system has to get by. */
  mendedMs: number | null;
  endMs: number;
}>;

/** Whoever asked before the fault and had no answer yet meets it, too. */
export function meetsFault(entry: Entry, { inflictedMs }: Timeline): boolean {
  return endedMs(entry) >= inflictedMs;
}

export function meetsAny(stalls: readonly Stall[], entry: Entry): boolean {
  return stalls.some(({ fromMs, toMs }) => fromMs <= endedMs(entry) && toMs >= entry.sentMs);
}
