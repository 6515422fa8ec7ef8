// F19: the host of PostgreSQL's primary is gone, with everything on it. The standby is promoted.
import { ALONE_ON_ONE_SERVER } from "../lab/alarm.ts";
import { databaseFault } from "./database.ts";

export const databaseHostKilled = databaseFault({
  id: "F19",
  name: "database host killed",
  about: "SIGKILL of everything on the primary's host under administrators' changes; the standby takes over.",
  faultMs: 25_000,
  recoveryMs: 6_000,
  adminBackMs: 15_000,
  adminBackFrom: "strike",
  alarm: { alarm: ALONE_ON_ONE_SERVER, withinMs: 20_000, why: "changes are on one server only" },
  strike: async (failover) => {
    await (await failover.primary()).kill();
  },
});
