// F32: the clocks that count are wrong: all step ahead and back, a replica with a clock of its own becomes the master, a
// month ends. The clock of the store decides, whatever it says: quotas stay exact, within the period that it names. A sliding
// window that finds the clock stepped back keeps its sums, and may be too strict for two of its lengths.
import { waitFor } from "../../../service/test/wait.ts";
import type { RedisServer } from "../../../stack/src/redis-stack.ts";
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, OTHERS_EXACT, RATES_HOLD, USAGE_EXACT } from "../lab/expectations.ts";
import type { Expectation, Fault, World } from "../lab/fault.ts";
import { everyTenant, firstMaster, handOver } from "./parts.ts";

const HOUR_MS = 3_600_000;
/** Ahead, then behind. */
const BETWEEN_STEPS_MS = 5_000;
/** Of a clock that was told; takes the node itself to answer. */
const CLOCK_ERROR_MS = 500;
/** From the moves of the clocks to the edge of the month: the baseline, and a little of the fault. */
const TO_MONTH_EDGE_MS = 12_000;

/** By the store's clock; full quotas that reopen in another period of it are no fault. */
const QUOTAS_EXACT = COUNTS_KEPT.filter(({ figure }) => figure === "quotaOverAdmission");
const LIMITS_EXACT = [...EVERY_FAULT, ...QUOTAS_EXACT, RATES_HOLD, ...USAGE_EXACT, OTHERS_EXACT];
/** A step ahead makes what is on its way too late: some of each instance, at each step. */
const FEW_FALLBACKS: Expectation = { figure: "fallbackStruck", atMost: 60, why: "only what a step found on its way" };

export const clocksMovedBySeconds = clocksStepped("F32a", "clocks step by 5 s", 5_000);
export const clocksMovedByHour = clocksStepped("F32b", "clocks step by an hour", HOUR_MS);

export const slowerClockPromoted: Fault = {
  id: "F32c",
  name: "master with another clock",
  about: "A replica whose clock is an hour behind takes over by a planned failover, and gives back to the old master.",
  stack: { movableClocks: true },
  faultMs: 8_000,
  recoveryMs: 8_000,
  usage: true,
  prepare: async (world) => {
    const replica = await world.stack.redis.replicaOf(await firstMaster(world));
    await setClocks([replica], -HOUR_MS);
    await world.stack.redis.settled();
  },
  inflict: async (world) => await handOverClock(world, -HOUR_MS),
  mend: async (world) => void (await handOverClock(world, 0)),
  expectations: [...LIMITS_EXACT, FEW_FALLBACKS],
};

export const monthEnded: Fault = {
  id: "F32d",
  name: "month ends",
  about: "By the clocks of all nodes a month of UTC ends in the middle of the load; quotas begin anew, once.",
  stack: { movableClocks: true },
  faultMs: 10_000,
  recoveryMs: 5_000,
  usage: true,
  prepare: async (world) => {
    await moveAll(world, nextMonthMs() - TO_MONTH_EDGE_MS - Date.now());
    await world.stack.redis.settled();
  },
  inflict: async (world) => everyTenant(world),
  expectations: [
    ...LIMITS_EXACT,
    NO_FALLBACK,
    { figure: "quotaReopenedMs", atLeast: 1, why: "what was used up in the old month is free in the new one" },
  ],
};

function clocksStepped(id: Fault["id"], name: string, stepMs: number): Fault {
  return {
    id,
    name,
    about: "The clocks of all six nodes step ahead, then as far behind, then back to the right time.",
    stack: { movableClocks: true },
    faultMs: 2 * BETWEEN_STEPS_MS,
    recoveryMs: 8_000,
    usage: true,
    inflict: async (world) => {
      await moveAll(world, stepMs);
      await world.pause(BETWEEN_STEPS_MS);
      await moveAll(world, -stepMs);
      return everyTenant(world);
    },
    mend: async (world) => await moveAll(world, 0),
    expectations: [...LIMITS_EXACT, FEW_FALLBACKS],
  };
}

async function moveAll(world: World, aheadMs: number): Promise<void> {
  const fromMs = Date.now();
  await setClocks(world.stack.redis.nodes, aheadMs);
  world.clockMoved({ fromMs, toMs: Date.now(), aheadMs, tenants: everyTenant(world) });
}

/** Of one shard: its replica, whose clock is known to be so far ahead, becomes the master. */
async function handOverClock(world: World, aheadMs: number): Promise<readonly string[]> {
  const master = await firstMaster(world);
  const tenants = await world.tenantsOf(master);
  const fromMs = Date.now();
  await handOver(await world.stack.redis.replicaOf(master));
  world.clockMoved({ fromMs, toMs: Date.now(), aheadMs, tenants });
  return tenants;
}

/** Resolves when they say so. */
async function setClocks(nodes: readonly RedisServer[], aheadMs: number): Promise<void> {
  const isMoved = async (node: RedisServer) => {
    const [seconds = 0] = ((await node.command("TIME")) as string[]).map(Number);
    return Math.abs(seconds * 1_000 + 500 - Date.now() - aheadMs) <= 500 + CLOCK_ERROR_MS;
  };
  await Promise.all(nodes.map((node) => node.setClockAhead(aheadMs)));
  await Promise.all(nodes.map((node) => waitFor(`the clock of ${node.name} is moved`, () => isMoved(node))));
}

function nextMonthMs(): number {
  const today = Temporal.Now.plainDateISO("UTC");
  return today.with({ day: 1 }).add({ months: 1 }).toZonedDateTime("UTC").epochMilliseconds;
}
