// Stalls of a process as its watch wrote them down, and what they overlap with.
import { readFile } from "node:fs/promises";

/** Shorter ones are not told apart from the time a thread takes to wake. */
export const LEAST_STALL_MS = 1;

/** Instants of the clock that all processes share. */
export type Stall = Readonly<{ fromMs: number; toMs: number }>;

/** Of a file in which a watch writes; those of several processes may stand in one. */
export async function readStalls(file: string): Promise<Stall[]> {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [fromMs, toMs] = line.split(" ").map(Number);
    if (fromMs === undefined || toMs === undefined || !(fromMs <= toMs)) throw new Error(`No stall: ${line}`);
    return { fromMs, toMs };
  });
}

export function overlapsAny(stalls: readonly Stall[], fromMs: number, toMs: number): boolean {
  return stalls.some((stall) => stall.fromMs <= toMs && stall.toMs >= fromMs);
}

/** Milliseconds of the time between that lie in at least one stall. */
export function stalledMs(stalls: readonly Stall[], fromMs: number, toMs: number): number {
  let sum = 0;
  let reachedMs = fromMs;
  for (const stall of stalls.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const endMs = Math.min(stall.toMs, toMs);
    sum += Math.max(0, endMs - Math.max(stall.fromMs, reachedMs));
    reachedMs = Math.max(reachedMs, endMs);
  }
  return sum;
}
