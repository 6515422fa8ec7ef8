// F20: PostgreSQL itself dies on the primary, and its host lives. It is started again in place.
import { databaseFault } from "./database.ts";

export const postmasterKilled = databaseFault({
  id: "F20",
  name: "postmaster killed",
  about: "SIGKILL of the postmaster on the primary; its keeper starts it again, without a failover.",
  faultMs: 15_000,
  recoveryMs: 4_000,
  adminBackMs: 15_000,
  adminBackFrom: "strike",
  strike: async (failover) => {
    await (await failover.primary()).killPostmaster();
  },
});
