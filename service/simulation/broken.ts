// The service broken on purpose, one way at a time: what shows that the invariants can fail.
import { GIVE_BACK_SCRIPT } from "../src/counters/scripts.redis.ts";
import type { ServiceProcess } from "./service-process.ts";
import type { World } from "./world.ts";

export type Broken = Readonly<{
  /** Called once. */
  world?: (world: World) => void;
  /** Called for each process that starts. */
  process?: (process: ServiceProcess) => void;
  /** Of those to try, where few find it; 0 when left out. */
  firstSeed?: number;
}>;

export const BROKEN: Readonly<Record<string, Broken>> = {
  "a chunk that could not be written is forgotten": {
    process: ({ acknowledged, ledger }) => {
      for (const book of [acknowledged.usage, acknowledged.quotas, ledger.usage, ledger.quotas]) {
        book.putBack = () => undefined;
      }
    },
  },
  "what the Fallback admitted is not charged to quotas": {
    process: ({ ledger }) => {
      const { takeChanged } = ledger.quotas;
      ledger.quotas.takeChanged = (limit) => ({ ...takeChanged.call(ledger.quotas, limit), totals: [] });
    },
  },
  "a database that was set back does not get everything once more": {
    process: ({ acknowledged }) => {
      acknowledged.usage.noteSince = () => undefined;
    },
  },
  "what the store counted after all stays charged by the Fallback, too": {
    process: ({ ledger }) => {
      const { admitPending } = ledger;
      ledger.admitPending = (entry) => {
        const settle = admitPending(entry);
        return () => settle(false);
      };
    },
  },
  "a refused call that the store had taken is not given back": {
    process: ({ links }) => {
      for (const link of links) {
        const send = link.send.bind(link);
        link.send = (args) => (args[1] === GIVE_BACK_SCRIPT.sha ? Promise.resolve([1, 0]) : send(args));
      }
    },
  },
  "what others wrote of a process that lives is not retracted": {
    firstSeed: 36_000,
    process: ({ acknowledged }) => {
      acknowledged.usage.retractBeyond = () => undefined;
    },
  },
  "a failover begins no new generation": {
    world: ({ shards }) => {
      for (const { redis } of shards) Object.defineProperty(redis, "token", { get: () => 1, set: () => undefined });
    },
  },
  "a restore sums up all generations, the present one too": {
    world: ({ database }) => {
      database.isApart = () => true;
    },
  },
  "a correction does not say what came off since": {
    firstSeed: 400,
    process: ({ counters }) => {
      const adjust = counters.adjust.bind(counters);
      counters.adjust = async (order) => {
        const adjusted = await adjust(order);
        if (adjusted.kind === "unavailable") return adjusted;
        const unsaid = adjusted.counters.map((windows) => windows.map((one) => ({ ...one, offSince: 0 })));
        return { ...adjusted, counters: unsaid };
      };
    },
  },
  "a raise adds": {
    world: ({ shards }) => {
      for (const { redis } of shards) {
        const { raiseCounter } = redis;
        redis.raiseCounter = (state, counter) => {
          const { base, since } = state[counter.window].current;
          return raiseCounter(state, { ...counter, atLeast: base + counter.atLeast, usedAtLeast: base + since });
        };
      }
    },
  },
  "a restore is not made": {
    process: ({ restore }) => {
      Object.assign(restore, { owe: () => undefined });
    },
  },
  "a restore that is owed is forgotten with the process that owes it": {
    firstSeed: 4_000,
    world: ({ database: { state } }) => {
      const { set } = state.generations;
      state.generations.set = (tenant, noted) => set.call(state.generations, tenant, { ...noted, debt: null });
    },
  },
  "notifications and polls bring what was in force before": {
    world: ({ database }) => {
      let asked = 0;
      database.versionSeen = (version) => {
        asked += 1;
        return asked % 3 === 0 ? Math.max(1, version - 1) : version;
      };
    },
  },
};
