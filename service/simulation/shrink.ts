// Makes a plan that fails as short as it gets while it still fails in the same way: what is left is what it takes.
import type { Broken } from "./broken.ts";
import type { Plan, PlannedEvent } from "./plan.ts";
import { run } from "./run.ts";

/** Runs; a shorter list found sooner is worth more than the shortest. */
const MAX_RUNS = 300;

/** `faults` are those of `plan`; the invariant that the first one names must break again. */
export async function shrink(plan: Plan, faults: readonly string[], broken: Broken | null): Promise<Plan> {
  const invariant = faults[0]?.slice(0, 2) ?? "";
  let events = plan.events;
  let runs = 0;
  const fails = async (some: readonly PlannedEvent[]) => {
    runs += 1;
    const found = await run({ ...plan, events: some }, broken);
    return found.faults.some((fault) => fault.startsWith(invariant));
  };
  for (let size = Math.ceil(events.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < events.length && runs < MAX_RUNS; ) {
      const without = events.toSpliced(from, size);
      if (await fails(without)) events = without;
      else from += size;
    }
  }
  return { ...plan, events };
}

/** For whoever reads it: the plan's events in order. */
export function described({ seed, fallback, processes, events }: Plan): string {
  const lines = events.map(
    ({ atMs, kind, ...rest }) => `  ${atMs.toFixed(1).padStart(8)} ms  ${kind} ${JSON.stringify(rest)}`,
  );
  return [`seed ${seed}, ${processes} processes, fallback ${fallback}`, ...lines].join("\n");
}
