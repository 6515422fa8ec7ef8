// What a caller sees while Redis is frozen, be it briefly, killed and coming back: an answer, in bounded time.
//
// Every check must be answered with 200; one that is not ends the scenario. How long they took is told twice: of all, and
// of those outside of stalls of the service and the generator (outage-figures.ts). The goal is about the latter.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { nowMs } from "../clock.ts";
import type { Told } from "../generator/job.ts";
import { outageFigures } from "../outage-figures.ts";
import type { Fault, Round } from "../outage-phases.ts";
import type { Pace, Scenario } from "../scenario.ts";
import { type BenchService, UNHURRIED } from "../servers/service.ts";
import { LEAST_STALL_MS, readStalls } from "../stalls/stalls.ts";
import type { World } from "../world.ts";
import { CHECK_REQUESTS } from "./single-check.ts";

/** The service's default. */
const DEADLINE_MS = 8;
/** For the rest of the way: the door, two sockets and the grain of timers. */
const BEYOND_DEADLINE_MS = 2;
const RATES = [500, 1_000];
/** Enough that no check waits for one while the service stands still for a quarter of a second. */
const CONNECTIONS = 256;
/** A fork for a background save, or a host that gives a core to somebody else. */
const BRIEF_MS = 50;
/** Breakers close within half a second of a return, and let all checks through a second later. */
const BREATH_MS = 3_000;
/** The load begins a little after it was asked for, and must outlast the last breath. */
const MARGIN_MS = 1_500;

export const outage: Scenario = {
  name: "outage",
  about:
    `open loop while Redis is frozen (SIGSTOP), for ${BRIEF_MS} ms and for a while, and killed; deadline ${DEADLINE_MS} ms; ` +
    `"clear" are checks outside of our own stalls of more than ${LEAST_STALL_MS} ms`,
  run: async (world, pace) => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
    const files = { service: join(folder, "service"), generator: join(folder, "generator") };
    try {
      const service = await world.service([1], CHECK_REQUESTS.length, {
        ...UNHURRIED,
        checkDeadlineMs: DEADLINE_MS,
        stallsFile: files.service,
      });
      const rounds = await allRounds(world, service, pace, files.generator);
      const stalls = { service: await readStalls(files.service), generator: await readStalls(files.generator) };
      const goalMs = DEADLINE_MS + BEYOND_DEADLINE_MS;
      return [...rounds].flatMap(([perSecond, ofRate]) => outageFigures(`${perSecond}/s`, ofRate, stalls, goalMs));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** By rate. The first outage meets a service that has answered checks, but never without its Redis: as in life. */
async function allRounds(world: World, service: BenchService, pace: Pace, stallsFile: string) {
  const rounds = new Map(RATES.map((perSecond) => [perSecond, [] as Round[]]));
  const load = { port: service.port, protocol: "http" as const, requests: CHECK_REQUESTS, connections: CONNECTIONS };
  const faultMs = pace.windowSeconds * 2_000;
  await world.generator.journal({ ...load, perSecond: 1_000, seconds: pace.warmUpSeconds, seed: 1, stallsFile });
  for (let round = 0; round < Math.ceil(pace.rounds / 4); round += 1) {
    for (const [perSecond, ofRate] of rounds) {
      const seconds = (3 * faultMs + BRIEF_MS + 3 * BREATH_MS + MARGIN_MS) / 1_000;
      const asking = world.generator.journal({ ...load, perSecond, seconds, seed: 20_261_122 + round, stallsFile });
      // Faults take seconds: a load that fails meanwhile is to be reported and not to end the process.
      asking.catch(() => undefined);
      const faults = await strike(world.redis, faultMs);
      ofRate.push({ checks: answered(await asking), faults });
    }
  }
  return rounds;
}

async function strike(redis: World["redis"], faultMs: number): Promise<Fault[]> {
  await pause(MARGIN_MS / 2 + faultMs);
  const freeze = async () => redis.freeze();
  const thaw = async () => redis.thaw();
  const briefly = await faultOf(`frozen for ${BRIEF_MS} ms`, BRIEF_MS, freeze, thaw);
  const frozen = await faultOf("frozen", faultMs, freeze, thaw);
  const killed = await faultOf("killed", faultMs, redis.kill, redis.restart);
  return [briefly, frozen, killed];
}

async function faultOf(name: string, faultMs: number, begin: () => Promise<void>, end: () => Promise<void>) {
  const beganMs = nowMs();
  await begin();
  await pause(faultMs);
  const returnedMs = nowMs();
  await end();
  await pause(BREATH_MS);
  return { name, beganMs, returnedMs, settledMs: nowMs() };
}

/** Whoever asks gets a decision, Redis or not. */
function answered(checks: readonly Told[]): readonly Told[] {
  const fault = checks.find(({ outcome }) => outcome.startsWith("HTTP"));
  if (fault !== undefined) throw new Error(`A check was not answered with 200 but with ${fault.outcome}.`);
  return checks;
}
