// Whether what is acknowledged is on two servers: asked of the primary every few seconds, by one process of an instance.
//
// It needs no right beyond connecting: who must confirm a commit is a setting that everybody may read, and that a standby
// is connected is a row that everybody may count. Alert on `synchronous` 0, where a standby is part of the plan: a failover
// would lose what was acknowledged since. `synchronous` 1 with `standbys` 0 for longer than some seconds: commits hang.
// While PostgreSQL cannot be asked both are absent.
import { Gauge } from "prom-client";
import { queryWithin } from "./bounded-query.ts";
import type { RebuildablePool } from "./pool.ts";
import type { SeriesRegistry } from "./series.ts";

const ASK_EVERY_MS = 2_000;
const ASK_TIMEOUT_MS = 2_000;

const ASKED = `
  select current_setting('synchronous_standby_names') <> '' as is_synchronous,
    (select count(*)::int from pg_stat_replication) as standbys`;

export type StandbyWatch = Readonly<{ close: () => Promise<void> }>;

export function watchStandby(registry: SeriesRegistry, pool: RebuildablePool): StandbyWatch {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `sluice_postgres_${name}`, help, registers: [registry], aggregator: "max" });
  const synchronous = gauge("synchronous", "1 = a commit waits for a standby; 0 = it is on one server only.");
  const standbys = gauge("standbys", "Standbys that are connected to the primary, those being made included.");
  type Answer = { is_synchronous: boolean; standbys: number };
  const ask = async () => {
    try {
      const [answer] = await queryWithin<Answer>(pool, ASK_TIMEOUT_MS, ASKED);
      if (answer === undefined) return;
      synchronous.set(answer.is_synchronous ? 1 : 0);
      standbys.set(answer.standbys);
    } catch {
      // That PostgreSQL is away is told by the age of the policies (metrics-policies.ts).
      synchronous.remove();
      standbys.remove();
    }
  };
  let asking: Promise<void> | null = null;
  const timer = setInterval(() => {
    asking ??= ask().finally(() => {
      asking = null;
    });
  }, ASK_EVERY_MS);
  return {
    close: async () => {
      clearInterval(timer);
      await asking;
    },
  };
}
