// Counters in Redis, single or Cluster: one script, one round trip, all or nothing.
//
// The way of a take: owner of the tenant's slot → its breaker → EVALSHA → reply, raced by our own deadline.
// - What did not run is sent again inside the deadline: NOSCRIPT (after one load), MOVED and ASK (to the named node),
//   TRYAGAIN and two nodes that name each other (every millisecond, while a slot moves), too late by the store's clock,
//   another day by the store's clock, a user beyond the day's bound.
// - What was written and got no answer is never sent again: it is pending, and settlement.redis.ts finds out.
//   The store itself refuses a take that it starts after the deadline, so nothing runs long after its caller left.
// - A stall of our own process expires calls, but never feeds a breaker.
// Not here: the arithmetic (take.lua), nodes and slots (node.redis.ts, shards.redis.ts), what is answered instead (fallback/).
import { Deadlines } from "../platform/deadlines.ts";
import type { Acknowledged } from "../usage/acknowledged.ts";
import type { UsageRow } from "../usage/usage-totals.ts";
import { adjustInRedis } from "./adjust.redis.ts";
import type { Adjusted, AdjustOrder } from "./adjust.ts";
import { type Counters, OVERFLOW_USER, type Take, type Taken, type UnavailableCause } from "./counters.ts";
import { createKeys, type Keys } from "./keys.ts";
import type { RedisAccess, RedisNode } from "./node.redis.ts";
import { probeNode } from "./probe.redis.ts";
import { raiseInRedis } from "./raise.redis.ts";
import type { Raised, RaiseOrder } from "./raise.ts";
import { TAKE_SCRIPT } from "./scripts.redis.ts";
import { Settlement } from "./settlement.redis.ts";
import { type Coverage, Shards } from "./shards.redis.ts";
import { readStoreError, type StoreError } from "./store-error.ts";
import { readTakeReply, type TakeReply, takeArguments } from "./take-arguments.ts";
import { TakeCall } from "./take-call.redis.ts";
import { slotOf } from "./topology.ts";
import { redisUsageHashes, type UsageHashes } from "./usage-hashes.redis.ts";

/** A take is valid in the store this much longer than our deadline: half a round trip, and the grain of its clock. */
const VALID_BEYOND_DEADLINE_MS = 2;
/** While a slot moves, a take is tried again this often. */
const TRY_AGAIN_MS = 1;
const MAX_RESENT = 5;
/** A take that is sent on more often than that is sent on every TRY_AGAIN_MS. */
const MAX_FOLLOWED_AT_ONCE = 2;

/** What the store tells the metrics and the log. `node` is a node's address: bounded by the size of the Redis. */
export type CountersObserver = Readonly<{
  replied: (node: string, latencyMs: number) => void;
  unavailable: (cause: UnavailableCause) => void;
  rebased: (buckets: number) => void;
  stalled: (lateMs: number) => void;
  breaker: (node: string, open: boolean) => void;
  away: (node: string, because: string) => void;
  back: (node: string) => void;
  looked: (coverage: Coverage) => void;
  gaveBack: (outcome: "given_back" | "failed") => void;
}>;

export type RedisCountersOptions = Readonly<{
  /** `host:port` of one or more nodes. */
  seeds: readonly string[];
  access: RedisAccess;
  keyPrefix: string;
  /** Keys the digest of user ids; the same on every instance. */
  idSecret: string;
  deadlineMs: number;
  acknowledged: Acknowledged;
  observer: CountersObserver;
  /** Handed in by tests instead of the store's own clock, UTC ms. */
  clock?: () => number;
}>;

export class RedisCounters implements Counters {
  readonly #options: RedisCountersOptions;
  readonly #keys: Keys;
  readonly #shards: Shards;
  /** The node that spoke last: its clock is the store's for choosing periods. */
  #lastNode: RedisNode | null = null;
  readonly #deadlines: Deadlines;
  readonly #settlement: Settlement;

  constructor(options: RedisCountersOptions) {
    this.#options = options;
    this.#keys = createKeys(options.keyPrefix, options.idSecret);
    this.#deadlines = new Deadlines(options.deadlineMs, options.observer.stalled);
    this.#shards = new Shards(options.seeds, options.access, {
      connected: (node) => this.#connected(node),
      breaker: (node, open) => {
        options.observer.breaker(node.address, open);
        if (open) void this.#shards.refresh();
      },
      away: (node, because) => options.observer.away(node.address, because),
      back: (node) => options.observer.back(node.address),
      looked: options.observer.looked,
    });
    this.#settlement = new Settlement(this.#keys, this.#shards, options.acknowledged, options.observer.gaveBack);
  }

  /** Looks for the Redis once and returns; a Redis that is away is found when it comes. */
  start(): Promise<void> {
    return this.#shards.start();
  }

  take(order: Take): Promise<Taken> {
    const rows = this.#rowsOf(order);
    return new Promise((resolve) => {
      const call = new TakeCall(order, slotOf(order.tenant), rows, resolve, this.#expire);
      const node = this.#shards.ownerOf(call.slot);
      if (node === null || !node.connected) return this.#refuse(call, "disconnected");
      if (!node.breaker.admits(performance.now())) return this.#refuse(call, "breaker_open");
      this.#deadlines.add(call);
      this.#send(call, node, false);
    });
  }

  adjust(order: AdjustOrder): Promise<Adjusted> {
    return adjustInRedis({ keys: this.#keys, shards: this.#shards, clock: this.#options.clock }, order);
  }

  raise(order: RaiseOrder): Promise<Raised> {
    return raiseInRedis({ keys: this.#keys, shards: this.#shards, clock: this.#options.clock }, order);
  }

  /** What processes left of their usage, on every master. */
  usageHashes(): UsageHashes {
    return redisUsageHashes(this.#shards, this.#keys);
  }

  /** Sends a command to the owner of `tag`'s slot; rejects when it is away. For what is beside counting. */
  command(tag: string, args: string[]): Promise<unknown> {
    const node = this.#shards.ownerOf(slotOf(tag));
    return node?.ready === true ? node.send(args) : Promise.reject(new Error("the owner of the slot is away"));
  }

  /** The usage rows of one take have one owner, whose hash it names. */
  #rowsOf({ tenant, checks, periods, maxUsersPerDay }: Take, overflowed: readonly boolean[] = []): UsageRow[] {
    const { usage } = this.#options.acknowledged;
    const { label } = periods.day.current;
    usage.makeRoom(checks.length);
    return checks.map(({ usageApi, user }, i) => {
      return usage.row(tenant, usageApi, overflowed[i] === true ? OVERFLOW_USER : user, label, maxUsersPerDay);
    });
  }

  nowMs(): number {
    return this.#options.clock?.() ?? this.#lastNode?.clock.nowMs() ?? Date.now();
  }

  health(): Readonly<{ healthy: boolean; detail: string }> {
    const owners = this.#shards.owners();
    const away = owners.filter((node) => !node.ready).map((node) => node.address);
    const healthy = away.length === 0 && owners.length > 0 && this.#shards.covered();
    return {
      healthy,
      detail: healthy ? `${owners.length} nodes` : `away: ${away.join(", ") || "slots without an owner"}`,
    };
  }

  async close(): Promise<void> {
    this.#deadlines.close();
    this.#settlement.close();
    this.#shards.close();
  }

  #send(call: TakeCall, node: RedisNode, asking: boolean): void {
    call.node = node;
    call.inFlight = true;
    const handedIn = this.#options.clock !== undefined;
    call.sentAtMs = this.#options.clock?.() ?? node.clock.nowMs();
    const args = takeArguments(TAKE_SCRIPT.sha, call.order, {
      keys: this.#keys,
      day: call.day,
      incarnation: call.incarnation,
      clock: handedIn ? String(call.sentAtMs) : "",
      validUntilMs: handedIn ? Number.MAX_SAFE_INTEGER : call.sentAtMs + this.#leftMs(call),
      shardToken: node.shardToken,
      rows: call.rows,
      overflowed: call.overflowed,
    });
    const reply = asking ? node.sendAsking(args) : node.send(args);
    reply.then(
      (raw) => this.#replied(call, node, raw),
      (error) => this.#failed(call, node, error),
    );
  }

  /** From now on the store may start this take for so long. */
  #leftMs(call: TakeCall): number {
    const usedMs = performance.now() - call.startedAtMs;
    return Math.ceil(this.#options.deadlineMs - usedMs) + VALID_BEYOND_DEADLINE_MS;
  }

  #replied(call: TakeCall, node: RedisNode, raw: unknown): void {
    call.inFlight = false;
    let reply: TakeReply;
    try {
      reply = readTakeReply(raw, call.order, call.overflowed);
    } catch {
      if (call.finished) return this.#settlement.didNotRun(call);
      return this.#refuse(call, "store_error");
    }
    if (reply.kind !== "user_overflow" && this.#options.clock === undefined) node.clock.observe(reply.nowMs);
    this.#lastNode = node;
    if (call.finished) {
      node.breaker.heard();
      return this.#settlement.repliedLate(call, reply);
    }

    const atMs = performance.now();
    node.breaker.succeeded(atMs);
    this.#options.observer.replied(node.address, atMs - call.startedAtMs);
    switch (reply.kind) {
      case "taken":
        return this.#answer(call, reply);
      case "user_overflow":
        this.#overflow(call, reply.check);
        return this.#resend(call, node, false, call.order.checks.length + 1);
      case "too_late":
        return this.#resend(call, node, false, MAX_RESENT);
      case "outside_day":
        if (call.turnTo(reply.nowMs)) return this.#resend(call, node, false, MAX_RESENT);
        // The clock is known better now: the next take is handed the right periods.
        return this.#refuse(call, "store_error");
    }
  }

  #answer(call: TakeCall, reply: Extract<TakeReply, { kind: "taken" }>): void {
    if (reply.rebased > 0) this.#options.observer.rebased(reply.rebased);
    for (let i = 0; i < reply.checks.length; i += 1) {
      const check = reply.checks[i];
      if (check?.admitted && !check.replayed) call.acknowledge(this.#options.acknowledged, i, reply);
    }
    const { nowMs, dayLabel, monthLabel, generation, checks } = reply;
    call.finish({ kind: "answered", nowMs, dayLabel, monthLabel, generation, checks });
  }

  /** All checks of that user share the overflow user from here on. */
  #overflow(call: TakeCall, check: number): void {
    const user = call.order.checks[check]?.user;
    for (let i = 0; i < call.order.checks.length; i += 1) {
      if (call.order.checks[i]?.user === user) call.overflowed[i] = true;
    }
    call.rows = this.#rowsOf(call.order, call.overflowed);
  }

  #failed(call: TakeCall, node: RedisNode, error: unknown): void {
    call.inFlight = false;
    const what = readStoreError(error);
    if (what.kind !== "connection") node.breaker.heard();
    if (call.finished) {
      // Every other error says that nothing ran.
      return what.kind === "connection" ? this.#settlement.lost(call) : this.#settlement.didNotRun(call);
    }
    this.#goOn(call, node, what);
  }

  #goOn(call: TakeCall, node: RedisNode, what: StoreError): void {
    switch (what.kind) {
      case "moved":
        return this.#follow(call, this.#shards.moved(call.slot, what.address));
      case "ask":
        call.slotMoving = true;
        return this.#resend(call, this.#shards.nodeAt(what.address), true, MAX_RESENT);
      case "try_again":
        call.slotMoving = true;
        setTimeout(() => {
          if (!call.finished) this.#send(call, this.#shards.ownerOf(call.slot) ?? node, false);
        }, TRY_AGAIN_MS);
        return;
      case "no_script":
        void node.loadScripts().then(
          () => this.#resend(call, node, false, MAX_RESENT),
          () => this.#refuse(call, "disconnected"),
        );
        return;
      case "refused":
        if (what.feedsBreaker) node.failed();
        return this.#refuse(call, what.cause);
      case "connection":
        call.inFlight = true;
        node.failed();
        this.#refuse(call, "disconnected");
        return this.#settlement.lost(call);
    }
  }

  /** Two nodes that name each other: the slot is between them, for milliseconds, and nobody takes (decision 0011). */
  #follow(call: TakeCall, node: RedisNode): void {
    if (call.resent < MAX_FOLLOWED_AT_ONCE) return this.#resend(call, node, false, MAX_RESENT);
    call.slotMoving = true;
    setTimeout(() => {
      call.resent -= 1;
      this.#resend(call, this.#shards.ownerOf(call.slot) ?? node, false, MAX_RESENT);
    }, TRY_AGAIN_MS);
  }

  #resend(call: TakeCall, node: RedisNode, asking: boolean, most: number): void {
    if (call.finished) return;
    call.resent += 1;
    if (call.resent > most) return this.#refuse(call, call.slotMoving ? "slot_moving" : "store_error");
    if (node.connected) return this.#send(call, node, asking);
    // A node that was just named by a redirection is still connecting: look again until the deadline.
    call.resent -= 1;
    setTimeout(() => this.#resend(call, node, asking, most), TRY_AGAIN_MS);
  }

  #expire = (call: TakeCall, stalled: boolean): void => {
    if (!stalled && call.inFlight) call.node?.failed();
    this.#refuse(call, call.expiryCause);
  };

  #refuse(call: TakeCall, cause: UnavailableCause): void {
    if (call.finished) return;
    this.#options.observer.unavailable(cause);
    const node = call.node ?? this.#shards.ownerOf(call.slot);
    const probeInMs = node?.ready === true ? null : Math.max(0, (node?.nextProbeAtMs ?? 0) - performance.now());
    if (!call.inFlight) this.#settlement.didNotRun(call);
    call.finish({
      kind: "unavailable",
      cause,
      probeInMs: probeInMs === null ? null : Math.ceil(probeInMs),
      settle: (charged, onSettled) => this.#settlement.answered(call, charged, onSettled),
    });
  }

  #connected(node: RedisNode): void {
    this.#lastNode ??= node;
    node.probe = () => probeNode(node, this.#shards, this.#keys, this.#options.deadlineMs);
  }
}
