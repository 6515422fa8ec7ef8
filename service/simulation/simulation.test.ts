// The whole in thousands of small histories, each drawn from its seed: processes, stores, and everything that goes wrong
// between them. What must hold is in invariants.ts.
//
// A failure names its seed and the shortest list of events that still fails. To see one again:
//   SLUICE_SIMULATION_SEED=305 npx vitest run service/simulation
// SLUICE_SIMULATION_SEEDS=100000 runs more of them.
import { expect, test, vi } from "vitest";
import type { Periods } from "../src/limits/quota-period.ts";
import { BROKEN, type Broken } from "./broken.ts";
import { fallbackHour, type HourOptions } from "./fallback-hour.ts";
import { planOf } from "./plan.ts";
import { run } from "./run.ts";
import { described, shrink } from "./shrink.ts";

const ONE_SEED = process.env.SLUICE_SIMULATION_SEED;
const SEEDS = Number(process.env.SLUICE_SIMULATION_SEEDS ?? 10_000);
const SEEDS_PER_TEST = 1_000;
/** Among so many seeds every break of broken.ts is found. */
const SEEDS_TO_FIND = 1_000;
/** Of a thousand seeds; a core of its own needs some five seconds. */
const TIMEOUT_MS = 180_000;

const HOURS: readonly HourOptions[] = [
  { seed: 1, fallback: "ALLOW_ALL", comesBack: "as it was", endsAMonth: false, withoutDatabase: false },
  { seed: 2, fallback: "ALLOW_ALL", comesBack: "empty", endsAMonth: true, withoutDatabase: true },
  { seed: 3, fallback: "STATIC_LIMIT", comesBack: "from a replica", endsAMonth: false, withoutDatabase: true },
  { seed: 4, fallback: "STATIC_LIMIT", comesBack: "empty", endsAMonth: true, withoutDatabase: false },
  { seed: 5, fallback: "BLOCK_ALL", comesBack: "empty", endsAMonth: false, withoutDatabase: false },
];

vi.mock("node:timers/promises", async () => await import("./timers.ts"));
vi.mock("../src/limits/quota-period.ts", async (importOriginal) => {
  const real = await importOriginal<typeof import("../src/limits/quota-period.ts")>();
  return { ...real, periodsAt: remembered(real.periodsAt) };
});
vi.mock("../src/platform/postgres-listen.ts", async (real) => replaced(real, await import("./notifications.ts")));
vi.mock("../src/policies/policy-read.pg.ts", async (real) => replaced(real, await import("./statements/policies.ts")));
vi.mock("../src/usage/adjustment-lock.pg.ts", async (real) => replaced(real, await import("./statements/sums.ts")));
vi.mock("../src/usage/own-rows.pg.ts", async (real) => replaced(real, await import("./statements/totals.ts")));
vi.mock("../src/usage/quota-generations.pg.ts", async (real) => replaced(real, await import("./statements/totals.ts")));
vi.mock("../src/usage/quota-sums.pg.ts", async (real) => replaced(real, await import("./statements/sums.ts")));
vi.mock("../src/usage/usage-writers.pg.ts", async (real) => replaced(real, await import("./statements/writers.ts")));
vi.mock("../src/usage/write-totals.pg.ts", async (real) => replaced(real, await import("./statements/totals.ts")));

const firstSeeds = Array.from({ length: Math.ceil(SEEDS / SEEDS_PER_TEST) }, (_, i) => i * SEEDS_PER_TEST);

if (ONE_SEED === undefined) {
  test.each(firstSeeds)(
    "every invariant is kept in the histories from seed %i",
    { timeout: TIMEOUT_MS },
    async (first) => {
      expect(await firstFailure(first, Math.min(SEEDS_PER_TEST, SEEDS - first), null)).toBeNull();
    },
  );

  test.each(HOURS)(
    "a whole hour of $fallback is settled exactly, the store $comesBack",
    { timeout: TIMEOUT_MS },
    async (options) => {
      const plan = fallbackHour(options);
      const { faults, answered } = await run(plan);
      expect(faults).toEqual([]);
      expect(answered).toBeGreaterThan(400);
    },
  );

  test("the same seed gives the same history", async () => {
    const { events, answered } = await run(planOf(7));
    expect(events).toBeGreaterThan(100);
    expect(await run(planOf(7))).toEqual({ events, answered, faults: [] });
  });

  test.each(Object.keys(BROKEN))("it is found when %s", { timeout: TIMEOUT_MS }, async (name) => {
    const first = BROKEN[name]?.firstSeed ?? 0;
    for (let seed = first; seed < first + SEEDS_TO_FIND; seed += 1) {
      if ((await run(planOf(seed), BROKEN[name])).faults.length > 0) return;
      await othersRun();
    }
    expect.unreachable(`none of ${SEEDS_TO_FIND} seeds from ${first} finds that ${name}`);
  });
} else {
  test("the seed that was asked for keeps every invariant", async () => {
    const plan = planOf(Number(ONE_SEED));
    console.log(described(plan));
    expect(await failureOf(Number(ONE_SEED), null)).toBeNull();
  });
}

async function firstFailure(first: number, count: number, broken: Broken | null): Promise<string | null> {
  for (let seed = first; seed < first + count; seed += 1) {
    const failure = await failureOf(seed, broken);
    if (failure !== null) return failure;
    await othersRun();
  }
  return null;
}

async function failureOf(seed: number, broken: Broken | null): Promise<string | null> {
  const { faults } = await run(planOf(seed), broken);
  if (faults.length === 0) return null;
  const shortest = await shrink(planOf(seed), faults, broken);
  return [...faults, "and still with no more than:", described(shortest), ...(await run(shortest, broken)).faults].join(
    "\n",
  );
}

/** A simulation never waits; the one who watches over the tests shall hear of them. */
function othersRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A module of the service in which only its way to the outside is the model's. */
async function replaced(importOriginal: () => Promise<object>, parts: object): Promise<object> {
  return { ...(await importOriginal()), ...parts };
}

/** Asking for the periods of an instant takes longer than a simulated minute, and they are the same for all of it. */
function remembered(periodsAt: (timeZone: string, nowMs: number) => Periods) {
  const known = new Map<string, Periods>();
  return (timeZone: string, nowMs: number) => {
    const name = `${timeZone} ${Math.floor(nowMs / 60_000)}`;
    const periods = known.get(name) ?? periodsAt(timeZone, nowMs);
    known.set(name, periods);
    return periods;
  };
}
