// Runs one plan: a busy time in which everything may fail, then a quiet one in which everything must come right.
// The same plan gives the same run, event by event.
import type { Broken } from "./broken.ts";
import { happen } from "./happen.ts";
import { invariantsBroken } from "./invariants.ts";
import type { Plan } from "./plan.ts";
import { Random } from "./random.ts";
import { INTERVAL_MS, POLL_MS } from "./service-process.ts";
import { QUIET_LIMITS, QUIET_USER, TENANTS } from "./tenants.ts";
import { VirtualTime } from "./virtual-time.ts";
import { World } from "./world.ts";

/** By then whatever lasted is over, connections and breakers are closed again, and lost notifications are made up for. */
const CALM_MS = POLL_MS + 700;
/** Two intervals until a process counts as dead, two more that a harvester must have been writing, and what follows. */
const QUIET_MS = 5 * INTERVAL_MS;
/** A harvester that was killed keeps others from it for so long (harvest.job.ts). */
const CLAIM_MS = 60_000;
/** So that the chances of the run are others than those of its plan. */
const OF_THE_RUN = 0x5eed;

export type Run = Readonly<{ faults: readonly string[]; events: number; answered: number }>;

/** `broken` breaks the code on purpose, to show that it is found. */
export async function run(plan: Plan, broken: Broken | null = null): Promise<Run> {
  const random = new Random(plan.seed ^ OF_THE_RUN);
  const time = new VirtualTime(plan.startMs, () => random.next());
  const giveBack = time.install();
  try {
    const world = new World(plan, time, random, broken);
    let events = 0;
    const afterEach = () => {
      events += 1;
      world.journal.faults.push(...invariantsBroken(world, "always"));
    };
    for (const event of plan.events) time.after(event.atMs, () => happen(world, event), null);
    await time.runUntil(plan.startMs + plan.busyMs, afterEach);
    calm(world);
    await time.runUntil(time.nowMs + CALM_MS, afterEach);
    touch(world, plan.processes);
    await time.runUntil(time.nowMs + QUIET_MS, afterEach);
    if (world.database.isHarvestPending) await time.runUntil(time.nowMs + CLAIM_MS + QUIET_MS, afterEach);
    const { faults, checks } = world.journal;
    if (faults.length === 0) faults.push(...invariantsBroken(world, "once quiet"));
    return { faults, events, answered: checks.filter(({ answer }) => answer !== null).length };
  } finally {
    giveBack();
  }
}

/** Nobody is refused any more, so that everybody can be asked. */
function calm({ journal, database }: World): void {
  journal.isQuiet = true;
  database.state.version += 1;
  database.state.limits = QUIET_LIMITS;
}

/** A process learns of a tenant's generation by counting for it; and operators try again what they are not sure of. */
function touch(world: World, processes: number): void {
  for (let slot = 0; slot < processes; slot += 1) world.start(slot);
  world.time.after(
    0,
    () => {
      for (const [slot] of world.running) {
        for (const tenant of TENANTS) world.ask(slot, [{ tenant, user: QUIET_USER, cost: 1, requestId: null }]);
      }
      for (const planned of [...world.unsure]) world.adjust(0, planned);
    },
    null,
  );
}
