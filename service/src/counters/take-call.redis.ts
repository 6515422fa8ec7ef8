// One take on its way: what was asked, how far it got, and who waits for the answer.
import { type Period, periodHolding } from "../limits/quota-period.ts";
import type { Expiring } from "../platform/deadlines.ts";
import type { Acknowledged } from "../usage/acknowledged.ts";
import type { CountedIn } from "../usage/quota-totals.ts";
import type { UsageRow } from "../usage/usage-totals.ts";
import { OVERFLOW_USER, type Take, type Taken, type UnavailableCause } from "./counters.ts";
import type { RedisNode } from "./node.redis.ts";

export class TakeCall implements Expiring {
  readonly order: Take;
  readonly slot: number;
  /** Their owner is the same. */
  rows: readonly UsageRow[];
  readonly overflowed: boolean[];
  readonly startedAtMs = performance.now();
  node: RedisNode | null = null;
  /** Of the order's days the one it is asked for: the store takes in no other, so that one hash has all of a day's usage. */
  day: Period;
  /** A command of this call is written and has no reply yet: the store may run it. */
  inFlight = false;
  /** Estimate of the store's clock when the last command was sent, UTC ms. */
  sentAtMs = 0;
  /** The slot was found on the move: what to say when the deadline comes. */
  slotMoving = false;
  /** Re-sends of what did not run, beside TRYAGAIN: bounded, so that two nodes cannot play ball with a call. */
  resent = 0;
  finished = false;
  /** What the caller answered instead, once it is known: see Unavailable.settle. */
  charged: readonly boolean[] | null = null;
  onSettled: ((checkIndex: number, ran: boolean) => void) | null = null;
  /** Waits for `charged` when the store's side is known first. */
  onAnswered: (() => void) | null = null;
  readonly #resolve: (taken: Taken) => void;
  readonly #onExpire: (call: TakeCall, stalled: boolean) => void;

  constructor(
    order: Take,
    slot: number,
    rows: readonly UsageRow[],
    resolve: (taken: Taken) => void,
    onExpire: (call: TakeCall, stalled: boolean) => void,
  ) {
    this.order = order;
    this.slot = slot;
    this.rows = rows;
    this.day = order.periods.day.current;
    this.overflowed = new Array(order.checks.length).fill(false);
    this.#resolve = resolve;
    this.#onExpire = onExpire;
  }

  /** The owner of all its usage rows. */
  get incarnation(): string {
    return this.rows[0]?.incarnation ?? "";
  }

  /** The usage hash is named after it. */
  get askedDayLabel(): number {
    return this.day.label;
  }

  /** Asks for the day that the store's clock is in from here on; false where that is none of the order's. */
  turnTo(storeNowMs: number): boolean {
    const day = periodHolding(this.order.periods.day, storeNowMs);
    if (day === null) return false;
    this.day = day;
    return true;
  }

  /** Check `i` counts in the store, under these labels, and its caller knows or will. */
  acknowledge(acknowledged: Acknowledged, i: number, counted: CountedIn): void {
    const check = this.order.checks[i];
    const row = this.rows[i];
    if (check === undefined || row === undefined || check.cost === 0) return;
    const user = this.overflowed[i] === true ? OVERFLOW_USER : check.user;
    acknowledged.count(row, check.claims, user, counted, check.cost);
  }

  /** It is known what became of check `i`: whoever charged it instead hears of it. */
  settled(i: number, ran: boolean): void {
    if (this.charged?.[i] === true) this.onSettled?.(i, ran);
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
