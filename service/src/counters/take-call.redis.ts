// One take on its way: what was asked, how far it got, and who waits for the answer.
import type { Expiring } from "../platform/deadlines.ts";
import type { UsageRow } from "../usage/usage-totals.ts";
import type { Take, Taken, UnavailableCause } from "./counters.ts";
import type { RedisNode } from "./node.redis.ts";

export class TakeCall implements Expiring {
  readonly order: Take;
  readonly slot: number;
  readonly rows: UsageRow[];
  readonly overflowed: boolean[];
  readonly startedAtMs = performance.now();
  node: RedisNode | null = null;
  /** A command of this call is written and has no reply yet: the store may run it. */
  inFlight = false;
  /** Estimate of the store's clock when the last command was sent, UTC ms. */
  sentAtMs = 0;
  incarnation = "";
  /** The slot was found on the move: what to say when the deadline comes. */
  slotMoving = false;
  /** Re-sends of what did not run, beside TRYAGAIN: bounded, so that two nodes cannot play ball with a call. */
  resent = 0;
  finished = false;
  /** What the caller answered instead, once it is known: see Unavailable.settle. */
  charged: readonly boolean[] | null = null;
  onCounted: ((checkIndex: number) => void) | null = null;
  /** Waits for `charged` when the store's side is known first. */
  onAnswered: (() => void) | null = null;
  readonly #resolve: (taken: Taken) => void;
  readonly #onExpire: (call: TakeCall, stalled: boolean) => void;

  constructor(
    order: Take,
    slot: number,
    rows: UsageRow[],
    resolve: (taken: Taken) => void,
    onExpire: (call: TakeCall, stalled: boolean) => void,
  ) {
    this.order = order;
    this.slot = slot;
    this.rows = rows;
    this.overflowed = new Array(order.checks.length).fill(false);
    this.#resolve = resolve;
    this.#onExpire = onExpire;
  }

  finish(taken: Taken): void {
    if (this.finished) return;
    this.finished = true;
    this.#resolve(taken);
  }

  expire(stalled: boolean): void {
    this.#onExpire(this, stalled);
  }

  get expiryCause(): UnavailableCause {
    return this.slotMoving ? "slot_moving" : "deadline";
  }
}
