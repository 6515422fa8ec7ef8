// F3: one master answers, but late. Slow calls open the breaker like failed ones; probes find out when they are quick again.
//
// It is made slow by stopping and continuing its process in turn, or by a script that keeps it busy: a delay by the network
// would need netem, which not every kernel has.
import type { RedisServer } from "../../../stack/src/redis-stack.ts";
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, SOON_EXACT } from "../lab/expectations.ts";
import type { Fault, World } from "../lab/fault.ts";
import { firstMaster } from "./parts.ts";

/** Between two stops it answers what has come meanwhile. */
const RUNNING_MS = 3;
const BUSY_MS = 50;
const BUSY_SCRIPT = `
local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end
local untilMs = now() + ARGV[1]
while now() < untilMs do end
return 1`;

export const masterSlow = masterLate("F3a", "master slow by 20 ms", stopping(20));
export const masterVerySlow = masterLate("F3b", "master slow by 200 ms", stopping(200));
export const masterBusy = masterLate("F3c", "master busy with scripts", async (master) => {
  await master.command("EVAL", BUSY_SCRIPT, 0, BUSY_MS);
});

function masterLate(id: Fault["id"], name: string, hold: (master: RedisServer, world: World) => Promise<void>): Fault {
  let holding = false;
  let held: Promise<void> = Promise.resolve();
  return {
    id,
    name,
    about: "One master answers late, again and again; its tenants get the Fallback at the deadline.",
    faultMs: 8_000,
    recoveryMs: 8_000,
    inflict: async (world) => {
      const master = await firstMaster(world);
      const struck = await world.tenantsOf(master);
      holding = true;
      held = (async () => {
        while (holding) {
          await hold(master, world);
          await world.pause(RUNNING_MS);
        }
      })();
      world.atEnd(async () => {
        holding = false;
        await held.catch(() => undefined);
      });
      return struck;
    },
    mend: async () => {
      holding = false;
      await held;
    },
    expectations: [...EVERY_FAULT, OTHERS_EXACT, ...COUNTS_KEPT, SOON_EXACT],
  };
}

function stopping(stoppedMs: number) {
  return async (master: RedisServer, { pause }: World) => {
    master.freeze();
    await pause(stoppedMs);
    master.thaw();
  };
}
