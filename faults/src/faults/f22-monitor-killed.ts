// F22: the monitor is gone, and then the primary's host. Without it nobody promotes: writes come back with the monitor.
import { databaseFault } from "./database.ts";

const ALONE_MS = 4_000;

export const monitorKilled = databaseFault({
  id: "F22",
  name: "monitor killed, then the primary",
  about: "SIGKILL of the monitor and, some seconds later, of the primary's host; the monitor is started again.",
  faultMs: 14_000,
  recoveryMs: 30_000,
  adminBackMs: 30_000,
  adminBackFrom: "mending",
  strike: async (failover, world) => {
    const primary = await failover.primary();
    await failover.monitor.kill();
    await world.pause(ALONE_MS);
    await primary.kill();
  },
  mend: async (failover) => {
    await failover.monitor.start();
  },
});
