// What every implementation of the port must do, as one suite: memory, single Redis and Cluster run it alike.
// A store may be shared by all its tests: each has a tenant of its own, and the clock is handed in. It begins empty.
// Where an implementation may differ there is a mark with its reason (`Marks`).
// Not here: deadlines, breakers and settlement, which only a store with a network has.
import { AsyncLocalStorage } from "node:async_hooks";
import fc from "fast-check";
import { describe, test } from "vitest";
import { adjustSentences } from "./adjust.conformance.ts";
import { clockSentences } from "./clock.conformance.ts";
import type { Counters } from "./counters.ts";
import { type History, histories, replay } from "./histories.conformance.ts";
import { identitySentences } from "./identity.conformance.ts";
import { raiseSentences } from "./raise.conformance.ts";
import { requestSentences } from "./requests.conformance.ts";
import { takingSentences } from "./taking.conformance.ts";
import { userSentences } from "./users.conformance.ts";
import { type InWorld, NOON_MS, World } from "./world.conformance.ts";

export type OpenCounters = (options: {
  /** The store's clock, UTC ms. */
  clock: () => number;
}) => Promise<{
  counters: Counters;
  /** Every key in the store, where it can list them. */
  keys?: () => Promise<string[]>;
  close(): Promise<void>;
}>;

export type Marks = Readonly<{
  /** Random histories to run; every one has at most 12 takes. */
  histories?: number;
  /** Of them, each with a clock of its own: for a store that forgets nothing by the clock of another tenant's take. */
  historiesAtOnce?: number;
  /** Why remembered ids of requests and adjustments end by real time instead of by the clock handed in: then their TTL is the store's own test. */
  requestsEndInRealTime?: string;
}>;

const RANDOM_SEED = 20261122;
const DEFAULT_HISTORIES = 300;
/** A history takes about this long on a slow machine. */
const HISTORY_BUDGET_MS = 40;

type Clock = { nowMs: number };

/** Numbers of one length, so that no tenant's name begins another's. */
let tenants = 1_000;

export function countersConformance(name: string, open: OpenCounters, marks: Marks = {}): void {
  const clocks = new AsyncLocalStorage<Clock>();
  const inWorld: InWorld = async (story) => {
    const clock = { nowMs: NOON_MS };
    const opened = await open({ clock: () => (clocks.getStore() ?? clock).nowMs });
    tenants += 1;
    try {
      await story(new World(opened.counters, clock, `${name.replace(/[^A-Za-z0-9]/g, "-")}.${tenants}`, opened.keys));
    } finally {
      await opened.close();
    }
  };

  const { histories: runs = DEFAULT_HISTORIES, historiesAtOnce: atOnce = 1 } = marks;
  describe(`counters: ${name}`, () => {
    takingSentences(inWorld);
    identitySentences(inWorld);
    requestSentences(inWorld, marks.requestsEndInRealTime);
    userSentences(inWorld);
    clockSentences(inWorld);
    adjustSentences(inWorld, marks.requestsEndInRealTime);
    raiseSentences(inWorld);

    test(
      `${runs} random histories of scopes, windows, costs, users, periods and clock steps equal the model`,
      { timeout: 10_000 + runs * HISTORY_BUDGET_MS },
      () =>
        inWorld(async (world) => {
          let played = 0;
          const play = (clock: Clock) => async (history: History) => {
            played += 1;
            await replay(history, world.counters, `${world.tenant}.${played}`, clock);
          };
          await Promise.all(
            Array.from({ length: atOnce }, (_, number) => {
              const clock = { nowMs: NOON_MS };
              const numRuns = Math.ceil(runs / atOnce);
              const property = fc.asyncProperty(histories, play(clock));
              return clocks.run(clock, () => fc.assert(property, { seed: RANDOM_SEED + number, numRuns }));
            }),
          );
        }),
    );
  });
}
