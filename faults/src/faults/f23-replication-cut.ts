// F23: the link between PostgreSQL's primary and its standby is cut, while both of them reach the monitor, and everybody
// reaches them. The monitor sees two nodes in good health and changes nothing, so commits wait for a standby that hears nothing
// (pg_auto_failover 2.0): administrators get no answer until the link is back, and checks notice nothing.
import type { PostgresFailover } from "../../../stack/src/postgres-failover.ts";
import { COMMITS_HANG } from "../lab/alarm.ts";
import type { World } from "../lab/fault.ts";
import { databaseFault } from "./database.ts";

export const replicationCut = databaseFault({
  id: "F23",
  name: "replication cut",
  about:
    "Packets between primary and standby are dropped, both ways; every other link stays. Commits hang until it is healed.",
  stack: { network: true },
  faultMs: 25_000,
  recoveryMs: 10_000,
  adminBackMs: 10_000,
  adminBackFrom: "mending",
  alarm: { alarm: COMMITS_HANG, withinMs: 15_000, why: "commits hang" },
  strike: async (failover, world) => {
    const primary = await failover.primary();
    const standbys = failover.nodes.filter((node) => node !== primary);
    await networkOf(world).cut(
      [primary.name],
      standbys.map(({ name }) => name),
    );
  },
  mend: async (failover: PostgresFailover, world) => {
    await networkOf(world).heal();
    // Only then nothing that is acknowledged is on one node alone.
    await failover.settled();
  },
});

function networkOf({ stack }: World) {
  if (stack.network === null) throw new Error("This fault cuts links: set network.");
  return stack.network;
}
