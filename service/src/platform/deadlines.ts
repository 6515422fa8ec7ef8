// One timer for all calls that share a deadline: neither Redis client bounds a command already written to a frozen server.
//
// A tick expires nothing itself: it asks for the check phase of the loop, which runs after one poll phase has read what
// already arrived. So an answer that was waiting in the socket while our own process stalled (GC, a busy core) is used,
// and what does expire after a late tick is marked `stalled`: it says nothing about the store.

/** A tick later than this is a stall of our own process, milliseconds. */
export const STALL_MS = 3;

/** Timers have a grain of a millisecond: what is due within half of one would wait for it twice. */
const GRAIN_MS = 0.5;

export interface Expiring {
  /** Called at most once, unless the call was finished before. */
  expire(stalled: boolean): void;
  readonly finished: boolean;
}

type Waiting = Readonly<{ call: Expiring; atMs: number }>;

export class Deadlines {
  readonly #deadlineMs: number;
  readonly #onStall: (lateMs: number) => void;
  // All deadlines are equally long, so the queue is ordered by time: a first-in first-out list is the timer wheel.
  #queue: Waiting[] = [];
  #head = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(deadlineMs: number, onStall: (lateMs: number) => void) {
    this.#deadlineMs = deadlineMs;
    this.#onStall = onStall;
  }

  add(call: Expiring): void {
    const atMs = performance.now() + this.#deadlineMs;
    this.#queue.push({ call, atMs });
    if (this.#timer === null) this.#arm(atMs);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm(atMs: number): void {
    const waitMs = Math.max(1, Math.ceil(atMs - performance.now()));
    const dueMs = performance.now() + waitMs;
    this.#timer = setTimeout(() => setImmediate(() => this.#tick(dueMs)), waitMs);
  }

  #tick(dueMs: number): void {
    const nowMs = performance.now();
    const lateMs = nowMs - dueMs;
    const stalled = lateMs > STALL_MS;
    if (stalled) this.#onStall(lateMs);
    let next = this.#queue[this.#head];
    while (next !== undefined && (next.call.finished || next.atMs <= nowMs + GRAIN_MS)) {
      this.#head += 1;
      if (!next.call.finished) next.call.expire(stalled);
      next = this.#queue[this.#head];
    }
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
    this.#timer = null;
    if (next !== undefined) this.#arm(next.atMs);
  }
}
