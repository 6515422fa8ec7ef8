// F17: a master takes no more clients: every connection to it ends, and new ones are refused.
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, SOON_EXACT } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { firstMaster, mastersOf } from "./parts.ts";

const ENOUGH = 10_000;

export const connectionsRefused: Fault = {
  id: "F17",
  name: "connections refused",
  about: "maxclients of one master is set to 1 and its clients are killed; later the limit is raised again.",
  faultMs: 6_000,
  recoveryMs: 8_000,
  inflict: async (world) => {
    const master = await firstMaster(world);
    const struck = await world.tenantsOf(master);
    await master.command("CONFIG", "SET", "maxclients", 1);
    // Spares the connection it comes over, by which the limit is raised again.
    await master.command("CLIENT", "KILL", "TYPE", "normal");
    return struck;
  },
  mend: async (world) => {
    await Promise.all((await mastersOf(world)).map((node) => node.command("CONFIG", "SET", "maxclients", ENOUGH)));
  },
  expectations: [...EVERY_FAULT, OTHERS_EXACT, ...COUNTS_KEPT, SOON_EXACT],
};
