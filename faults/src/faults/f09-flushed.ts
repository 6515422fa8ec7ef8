// F9: somebody empties a master by force, which no user of the service may do. Rate limits start anew; quotas come back
// from PostgreSQL, once, however many instances bring them.
import { EVERY_FAULT, OTHERS_EXACT, USAGE_EXACT } from "../lab/expectations.ts";
import type { Fault } from "../lab/fault.ts";
import { firstMaster } from "./parts.ts";

const SNAPSHOT_INTERVAL_MS = 1_000;
/** Until an instance has noticed, asked PostgreSQL and raised what it found. */
const RESTORED_MS = SNAPSHOT_INTERVAL_MS + 1_000;
/**
 * What the quotas of a shard may admit too much at the load of the lab: the cost of what was not flushed yet, and of what
 * came before the raise, of the three tenants there that have quotas.
 */
const MOST_OVER = 240;

export const flushed: Fault = {
  id: "F9",
  name: "master emptied",
  about: `FLUSHALL on one master and so on its replica, by force; usage is written every ${SNAPSHOT_INTERVAL_MS} ms.`,
  stack: { environment: { SLUICE_SNAPSHOT_INTERVAL_MS: String(SNAPSHOT_INTERVAL_MS) } },
  faultMs: 8_000,
  recoveryMs: 4_000,
  usage: true,
  inflict: async (world) => {
    const master = await firstMaster(world);
    const struck = await world.tenantsOf(master);
    await master.command("FLUSHALL");
    return struck;
  },
  expectations: [
    ...EVERY_FAULT,
    ...USAGE_EXACT,
    OTHERS_EXACT,
    { figure: "quotaReopenedMs", atMost: RESTORED_MS, why: "restored within one interval" },
    { figure: "quotaOverAdmission", atMost: MOST_OVER, why: "only what was not flushed, or came before the raise" },
  ],
};
