// The counters of one process over the model store, behind the same port as the real ones.
//
// It stands for counters.redis.ts: one deadline for each take, nothing that was written is sent again, a take without an
// answer is pending. What becomes of pending takes (Settlement), how a raise is tried again (raiseInRedis), breakers and the
// estimate of the store's clock are the real code. Slots that move and users beyond a day's bound are not here.
import type { Adjusted, AdjustOrder } from "../src/counters/adjust.ts";
import type { Answered, Counters, Take, Taken, UnavailableCause } from "../src/counters/counters.ts";
import type { Keys } from "../src/counters/keys.ts";
import { raiseInRedis } from "../src/counters/raise.redis.ts";
import type { Raised, RaiseOrder } from "../src/counters/raise.ts";
import { Settlement } from "../src/counters/settlement.redis.ts";
import type { Shards } from "../src/counters/shards.redis.ts";
import type { TakeReply } from "../src/counters/take-arguments.ts";
import { TakeCall } from "../src/counters/take-call.redis.ts";
import { slotOf } from "../src/counters/topology.ts";
import type { Acknowledged } from "../src/usage/acknowledged.ts";
import { acknowledgedOn } from "../src/usage/usage-totals.ts";
import type { StoreLink } from "./store-link.ts";

const DEADLINE_MS = 8;
const VALID_BEYOND_DEADLINE_MS = 2;
const MAX_RESENT = 5;
const ADJUST_DEADLINE_MS = 1_000;

export type StoreClientParts = Readonly<{
  keys: Keys;
  links: readonly StoreLink[];
  acknowledged: Acknowledged;
  onGaveBack: (outcome: "given_back" | "failed") => void;
  /** What the store said to a take, before anybody knows. */
  onAnswered: (order: Take, answered: Answered) => void;
}>;

export class StoreClient implements Counters {
  readonly #parts: StoreClientParts;
  readonly #shards: Shards;
  readonly #settlement: Settlement;
  #lastLink: StoreLink;

  constructor(parts: StoreClientParts) {
    const { keys, links, acknowledged, onGaveBack } = parts;
    this.#parts = parts;
    this.#lastLink = links[0] as StoreLink;
    // What raises and settlements need of the shards: the owner of a slot, its clock, and a way to send.
    this.#shards = { ownerOf: (slot: number) => this.#linkOf(slot) } as unknown as Shards;
    this.#settlement = new Settlement(keys, this.#shards, acknowledged, onGaveBack);
  }

  /** Takes of which it is not known yet whether they ran. */
  get unresolved(): number {
    return this.#settlement.unresolved;
  }

  take(order: Take): Promise<Taken> {
    const { usage } = this.#parts.acknowledged;
    usage.makeRoom(order.checks.length);
    const rows = order.checks.map(({ usageApi, user }) => {
      return usage.row(order.tenant, usageApi, user, order.periods.day.current.label, order.maxUsersPerDay);
    });
    return new Promise((resolve) => {
      const call = new TakeCall(order, slotOf(order.tenant), rows, resolve, () => undefined);
      const link = this.#linkOf(call.slot);
      if (!link.connected) return this.#refuse(call, link, "disconnected");
      if (!link.breaker.admits(performance.now())) return this.#refuse(call, link, "breaker_open");
      setTimeout(() => {
        if (call.finished) return;
        if (call.inFlight) link.failed();
        this.#refuse(call, link, "deadline");
      }, DEADLINE_MS);
      this.#send(call, link);
    });
  }

  async adjust(order: AdjustOrder): Promise<Adjusted> {
    const untilMs = performance.now() + ADJUST_DEADLINE_MS;
    while (performance.now() < untilMs) {
      const done = await this.#linkOf(slotOf(order.tenant))
        .run((redis) => redis.adjust(order))
        .catch(() => null);
      if (done !== null) return done;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return { kind: "unavailable", cause: "deadline" };
  }

  raise(order: RaiseOrder): Promise<Raised> {
    return raiseInRedis({ keys: this.#parts.keys, shards: this.#shards, clock: undefined }, order);
  }

  nowMs(): number {
    return this.#lastLink.clock.nowMs();
  }

  health(): Readonly<{ healthy: boolean; detail: string }> {
    return { healthy: this.#parts.links.every((link) => link.ready), detail: "the model store" };
  }

  async close(): Promise<void> {
    this.#settlement.close();
  }

  #linkOf(slot: number): StoreLink {
    const { links } = this.#parts;
    return links[slot % links.length] as StoreLink;
  }

  #send(call: TakeCall, link: StoreLink): void {
    call.inFlight = true;
    call.sentAtMs = link.clock.nowMs();
    const { order, day, rows, incarnation } = call;
    const leftMs = Math.ceil(DEADLINE_MS - (performance.now() - call.startedAtMs)) + VALID_BEYOND_DEADLINE_MS;
    const command = {
      ...{ order, day, rows, incarnation, shardToken: link.shardToken },
      acknowledged: rows.map((row) => acknowledgedOn(row, day.label)),
      validUntilMs: call.sentAtMs + leftMs,
    };
    link
      .run((redis) => redis.take(command))
      .then(
        (reply) => this.#replied(call, link, reply),
        () => this.#lost(call, link),
      );
  }

  #replied(call: TakeCall, link: StoreLink, reply: TakeReply): void {
    call.inFlight = false;
    if (reply.kind !== "user_overflow") link.clock.observe(reply.nowMs);
    this.#lastLink = link;
    if (call.finished) {
      link.breaker.heard();
      return this.#settlement.repliedLate(call, reply);
    }
    link.breaker.succeeded(performance.now());
    const canRun = reply.kind === "too_late" || (reply.kind === "outside_day" && call.turnTo(reply.nowMs));
    if (canRun && call.resent < MAX_RESENT && link.connected) {
      call.resent += 1;
      return this.#send(call, link);
    }
    if (reply.kind !== "taken") return this.#refuse(call, link, "store_error");
    for (const [i, check] of reply.checks.entries()) {
      if (check.admitted && !check.replayed) call.acknowledge(this.#parts.acknowledged, i, reply);
    }
    const answered = { ...reply, kind: "answered" } as const;
    this.#parts.onAnswered(call.order, answered);
    call.finish(answered);
  }

  #lost(call: TakeCall, link: StoreLink): void {
    if (call.finished) {
      call.inFlight = false;
      return this.#settlement.lost(call);
    }
    link.failed();
    this.#refuse(call, link, "disconnected");
    this.#settlement.lost(call);
  }

  #refuse(call: TakeCall, link: StoreLink, cause: UnavailableCause): void {
    if (!call.inFlight) this.#settlement.didNotRun(call);
    call.finish({
      kind: "unavailable",
      cause,
      probeInMs: link.ready ? null : Math.max(0, Math.ceil(link.nextProbeAtMs - performance.now())),
      settle: (charged, onSettled) => this.#settlement.answered(call, charged, onSettled),
    });
  }
}
