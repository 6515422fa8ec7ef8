// NOTIFY between the model of PostgreSQL and the processes: late, in no order, or lost. It stands for postgres-listen.ts.

import type { PostgresOptions } from "../src/platform/postgres.ts";
import type { ListenEvents, Listener } from "../src/platform/postgres-listen.ts";
import type { Random } from "./random.ts";
import type { Life, VirtualTime } from "./virtual-time.ts";

const CONNECT_MS = 5;
const LATEST_MS = 400;

export class Notifications {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #listeners = new Set<Readonly<{ events: ListenEvents; life: Life }>>();

  constructor(time: VirtualTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  /** What real code takes for the address of its database, and hands to `listen`. */
  optionsFor(life: Life): PostgresOptions {
    const listen = (events: ListenEvents): Listener => {
      const listener = { events, life };
      this.#listeners.add(listener);
      this.#time.after(CONNECT_MS, events.connected, life);
      return { close: async () => void this.#listeners.delete(listener) };
    };
    return { listen } as unknown as PostgresOptions;
  }

  notify(): void {
    for (const { events, life } of this.#listeners) {
      if (this.#random.chance(0.2)) continue;
      this.#time.after(this.#random.next() * LATEST_MS, () => events.notified(""), life);
    }
  }
}

/** In the place of the real function. */
export function listen(options: PostgresOptions, _channel: string, events: ListenEvents): Listener {
  return (options as unknown as { listen: (events: ListenEvents) => Listener }).listen(events);
}
