// What must hold, whatever goes wrong: each is a function from what was asked and answered to the faults it finds.
//
// I0  The jobs and the core meet no error but outages (world.ts notes it).
// I1  Over-admission: what the store admitted in a period or minute is within the greatest limit that was in force. Not for
//     what the Fallback admitted, and not across a loss of the store, where I3 says when it ends.
// I2  Usage: once quiet, recorded = charged. With killed processes: charged ≤ recorded ≤ charged + unanswered, but for what
//     went with them (usage-is-exact.ts).
// I3  Quotas: once quiet, a counter is not below the rows and corrections of its period, not below what was charged in it,
//     and not above that: nothing is granted twice by a restore, and nothing is charged twice.
// I4  Refused checks have consumed nothing once quiet: they are in neither sum that I2 and I3 compare with.
// I5  Policies in force never go back within a history (world.ts notes it); once quiet every process has the latest.
// I6  Every check of a process that lives is answered, within the deadline.
// I7  Once quiet nothing is left to do: all sums are written, nobody is owed a restore, no take is unsettled.
import { admittedWithinLimits } from "./admitted-within-limits.ts";
import { quotasAreExact } from "./quotas-are-exact.ts";
import { usageIsExact } from "./usage-is-exact.ts";
import type { World } from "./world.ts";

/** The deadline of the counters, and a little. */
const ANSWERED_WITHIN_MS = 9;

/** One line for each fault, which begins with the name of what it breaks. */
export function invariantsBroken(world: World, when: "always" | "once quiet"): string[] {
  return when === "always" ? admittedWithinLimits(world) : ONCE_QUIET.flatMap((invariant) => invariant(world));
}

const ONCE_QUIET: readonly ((world: World) => string[])[] = [
  nothingLeftToDo,
  everyCheckAnswered,
  latestPolicies,
  usageIsExact,
  quotasAreExact,
];

function nothingLeftToDo({ running }: World): string[] {
  return [...running].flatMap(([slot, { process }]) => {
    return process.unfinished === 0 ? [] : [`I7: process ${slot} has ${process.unfinished} things left to do`];
  });
}

function everyCheckAnswered({ journal }: World): string[] {
  return journal.checks.flatMap(({ answer, process, askedAtMs, answeredAtMs, ask }) => {
    if (process.end !== null || process.wasFrozen) return [];
    if (answer === null) return [`I6: no answer to ${JSON.stringify(ask)}`];
    const tookMs = answeredAtMs - askedAtMs;
    return tookMs <= ANSWERED_WITHIN_MS ? [] : [`I6: an answer took ${tookMs} ms`];
  });
}

function latestPolicies({ running, database }: World): string[] {
  const { timeline, version } = database.state;
  return [...running].flatMap(([slot, { process }]) => {
    const known = process.policies.current()?.version;
    const isLatest = known?.timeline === timeline && known.version === version;
    return isLatest ? [] : [`I5: process ${slot} has ${JSON.stringify(known)}, the latest is ${timeline}/${version}`];
  });
}
