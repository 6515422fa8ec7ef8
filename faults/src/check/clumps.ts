// Answers of the Fallback that came together, and the stall of the machine before them: a deadline that a stall made pass
// explains one answer; many that took no time came from a node that nobody asks any more. Pure.
import { type Entry, endedMs, type Stall } from "../journal/entry.ts";
import { meetsAny } from "./timeline.ts";

/** Answers with less than that between them have one cause. */
const APART_MS = 300;

export type Clump = Readonly<{
  /** From the fault; negative before it. */
  fromMs: number;
  lengthMs: number;
  answers: number;
  /** Of those, ones that met no stall. */
  clear: number;
  tenants: readonly string[];
  /** The shortest and the longest that a caller waited: a deadline, or none at all. */
  tookMs: readonly [number, number];
  /** The longest stall that began in the second before its first answer or while it lasted, and when from the fault. */
  stall: Readonly<{ atMs: number; lengthMs: number }> | null;
}>;

/** `fallback` are answers of the Fallback, `stalls` the machine's; both in any order. */
export function clumpsOf(fallback: readonly Entry[], stalls: readonly Stall[], faultMs: number): Clump[] {
  const clumps: Entry[][] = [];
  for (const entry of fallback.toSorted((one, other) => endedMs(one) - endedMs(other))) {
    const last = clumps.at(-1)?.at(-1);
    if (last === undefined || endedMs(entry) - endedMs(last) > APART_MS) clumps.push([entry]);
    else clumps.at(-1)?.push(entry);
  }
  return clumps.map((clump) => clumpOf(clump, stalls, faultMs));
}

function clumpOf(clump: readonly Entry[], stalls: readonly Stall[], faultMs: number): Clump {
  const sentMs = Math.min(...clump.map((entry) => entry.sentMs));
  const endMs = Math.max(...clump.map(endedMs));
  const took = clump.map(({ tookMs }) => tookMs);
  const [longest] = stalls
    .filter(({ fromMs }) => fromMs >= sentMs - 1_000 && fromMs <= endMs)
    .toSorted((one, other) => lengthOf(other) - lengthOf(one));
  return {
    fromMs: Math.round(sentMs - faultMs),
    lengthMs: Math.round(endMs - sentMs),
    answers: clump.length,
    clear: clump.filter((entry) => !meetsAny(stalls, entry)).length,
    tenants: [...new Set(clump.map(({ tenant }) => tenant))].toSorted(),
    tookMs: [Math.min(...took), Math.max(...took)],
    stall:
      longest === undefined
        ? null
        : { atMs: Math.round(longest.fromMs - faultMs), lengthMs: Math.round(lengthOf(longest)) },
  };
}

function lengthOf({ fromMs, toMs }: Stall): number {
  return toMs - fromMs;
}
