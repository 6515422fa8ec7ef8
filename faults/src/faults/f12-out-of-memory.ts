// F12: a master reaches its maxmemory. With `noeviction` it refuses writes, and its tenants get the Fallback. With a policy
// that evicts, counters vanish without a word and quotas admit too much: why the templates say noeviction.
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, SOON_EXACT } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { firstMaster, mastersOf } from "./parts.ts";

const ENOUGH = "256mb";

export const outOfMemory: Fault = {
  id: "F12a",
  name: "out of memory",
  about: "maxmemory of one master is set below what it uses; it refuses every write until it is raised again.",
  faultMs: 6_000,
  recoveryMs: 8_000,
  inflict: async (world) => {
    const master = await firstMaster(world);
    const struck = await world.tenantsOf(master);
    await master.command("CONFIG", "SET", "maxmemory", "1");
    return struck;
  },
  mend: async (world) => {
    await Promise.all((await mastersOf(world)).map((master) => master.command("CONFIG", "SET", "maxmemory", ENOUGH)));
  },
  expectations: [...EVERY_FAULT, OTHERS_EXACT, ...COUNTS_KEPT, SOON_EXACT],
};

export const evicting: Fault = {
  id: "F12b",
  name: "out of memory, evicting",
  about: "The same with maxmemory-policy allkeys-random, which is not how it is run: the counter-proof.",
  stack: { redisConfig: { "maxmemory-policy": "allkeys-random" } },
  faultMs: 6_000,
  recoveryMs: 6_000,
  inflict: async (world) => {
    const master = await firstMaster(world);
    const struck = await world.tenantsOf(master);
    // Evicts down to nothing within the next commands, then is given room again: no error, and no counter is left.
    await master.command("CONFIG", "SET", "maxmemory", "1");
    await master.command("CONFIG", "SET", "maxmemory", ENOUGH);
    return struck;
  },
  expectations: [
    ...EVERY_FAULT,
    { figure: "quotaOverAdmission", atLeast: 1, why: "evicted counters are silently forgotten: never evict" },
  ],
};
