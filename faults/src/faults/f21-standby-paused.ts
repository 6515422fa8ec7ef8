// F21: the standby stands still. Commits wait for it until the monitor lets the primary go on alone, which is alarmed.
import { ALONE_ON_ONE_SERVER } from "../lab/alarm.ts";
import { databaseFault } from "./database.ts";

export const standbyPaused = databaseFault({
  id: "F21",
  name: "standby paused",
  about: "SIGSTOP of everything on the standby's host, and SIGCONT later.",
  faultMs: 20_000,
  recoveryMs: 6_000,
  adminBackMs: 20_000,
  adminBackFrom: "strike",
  alarm: { alarm: ALONE_ON_ONE_SERVER, withinMs: 15_000, why: "changes are on one server only" },
  strike: async (failover) => {
    const primary = await failover.primary();
    for (const node of failover.nodes) if (node !== primary) node.freeze();
  },
  mend: async (failover) => {
    for (const node of failover.nodes) node.thaw();
  },
});
