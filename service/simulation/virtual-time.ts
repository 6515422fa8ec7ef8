// Time that passes only when the simulation says so: events in order, one at a time, and a clock that jumps between them.
//
// While it is in force, the timers and clocks of the language are this one's, so real code waits and measures in it.
// Whatever an event sets off belongs to the same life as the event, so a process can be killed or frozen between any two
// steps of it. Promises are run dry after every event: what happens in which order depends on nothing but the events.
// Not here: what happens (run.ts), messages between processes and servers, which are events like any other (links).

/** One start of one process; events of the dead never happen, those of the frozen wait. */
export type Life = { isAlive: boolean; frozenUntilMs: number };

type Event = { atMs: number; readonly order: number; act: (() => void) | null; readonly life: Life | null };

export class VirtualTime {
  nowMs: number;
  readonly #startMs: number;
  readonly #random: () => number;
  readonly #queue: Event[] = [];
  #order = 0;
  #life: Life | null = null;

  /** `random` stands in for Math.random. */
  constructor(startMs: number, random: () => number) {
    this.nowMs = startMs;
    this.#startMs = startMs;
    this.#random = random;
  }

  /** Returns what cancels it. */
  after(waitMs: number, act: () => void, life: Life | null = this.#life): () => void {
    const event: Event = { atMs: this.nowMs + Math.max(0, waitMs), order: this.#order, act, life };
    this.#order += 1;
    push(this.#queue, event);
    return () => {
      event.act = null;
    };
  }

  /** Everything up to `endMs`. `afterEach` is called when an event and all that it set off at once are over. */
  async runUntil(endMs: number, afterEach: () => void): Promise<void> {
    for (let event = this.#queue[0]; event !== undefined && event.atMs <= endMs; event = this.#queue[0]) {
      pop(this.#queue);
      const { act, life } = event;
      if (act === null || life?.isAlive === false) continue;
      this.nowMs = Math.max(this.nowMs, event.atMs);
      if (life !== null && life.frozenUntilMs > this.nowMs) {
        event.atMs = life.frozenUntilMs;
        push(this.#queue, event);
        continue;
      }
      if (life === null) act();
      else await this.#runAs(life, act);
      afterEach();
    }
    this.nowMs = Math.max(this.nowMs, endMs);
  }

  /** What is not of a process is of a model, where nothing waits for a promise. */
  async #runAs(life: Life, act: () => void): Promise<void> {
    this.#life = life;
    act();
    await everyPromise();
    this.#life = null;
  }

  /** Takes the place of the timers and clocks of the language; returns what gives it back. */
  install(): () => void {
    const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
    const { now } = Date;
    const { random } = Math;
    const timer = (cancel: () => void) => ({ cancel, unref: () => undefined, ref: () => undefined });
    const clear = (given?: { cancel?: () => void }) => given?.cancel?.();
    const once = (act: () => void, waitMs = 0) => timer(this.after(Math.max(1, waitMs), act));
    const again = (act: () => void, everyMs: number) => {
      let cancel = () => {};
      const next = () => {
        cancel = this.after(everyMs, () => {
          next();
          act();
        });
      };
      next();
      return timer(() => cancel());
    };
    Object.assign(globalThis, { setTimeout: once, setInterval: again, clearTimeout: clear, clearInterval: clear });
    Date.now = () => Math.floor(this.nowMs);
    Math.random = this.#random;
    performance.now = () => this.nowMs - this.#startMs;
    return () => {
      Object.assign(globalThis, { setTimeout, setInterval, clearTimeout, clearInterval });
      Date.now = now;
      Math.random = random;
      Reflect.deleteProperty(performance, "now");
    };
  }
}

/** Node runs all promises that are ready before the next tick's callbacks, however many come of each other. */
function everyPromise(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** The queue is a binary heap: the first event stands at 0. */
function push(queue: Event[], event: Event): void {
  let at = queue.push(event) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = queue[parent] as Event;
    if (!isBefore(event, above)) break;
    queue[at] = above;
    at = parent;
  }
  queue[at] = event;
}

function pop(queue: Event[]): void {
  const last = queue.pop();
  if (last === undefined || queue.length === 0) return;
  let at = 0;
  for (let child = 1; child < queue.length; child = 2 * at + 1) {
    if (child + 1 < queue.length && isBefore(queue[child + 1] as Event, queue[child] as Event)) child += 1;
    if (!isBefore(queue[child] as Event, last)) break;
    queue[at] = queue[child] as Event;
    at = child;
  }
  queue[at] = last;
}
