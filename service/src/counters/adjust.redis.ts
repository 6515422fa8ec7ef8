// Sends adjustments to Redis. They are known by their ids, so unlike a take one may be sent again without knowing what
// became of the attempt before: it is, until the deadline, through whatever a failover or a moving slot does meanwhile.
// The store does nothing once the deadline is over, so what the caller gave up does not happen behind its back.
// Not here: what an adjustment does (adjust.lua), nodes and slots (shards.redis.ts).
import { setTimeout as wait } from "node:timers/promises";
import type { Adjusted, AdjustOrder } from "./adjust.ts";
import { type AdjustReply, adjustArguments, readAdjustReply } from "./adjust-arguments.ts";
import { requireOrder } from "./adjust-counter.ts";
import type { UnavailableCause } from "./counters.ts";
import type { Keys } from "./keys.ts";
import type { RedisNode } from "./node.redis.ts";
import { ADJUST_SCRIPT } from "./scripts.redis.ts";
import type { Shards } from "./shards.redis.ts";
import { readStoreError } from "./store-error.ts";
import { slotOf } from "./topology.ts";

/** An operator waits for this, no check does. */
const DEADLINE_MS = 2_000;
const TRY_AGAIN_MS = 20;

export type AdjustParts = Readonly<{
  keys: Keys;
  shards: Shards;
  /** Handed in by tests instead of the store's own clock, UTC ms. */
  clock: (() => number) | undefined;
}>;

export async function adjustInRedis(parts: AdjustParts, order: AdjustOrder): Promise<Adjusted> {
  requireOrder(order);
  const slot = slotOf(order.tenant);
  const untilMs = performance.now() + DEADLINE_MS;
  let cause: UnavailableCause = "disconnected";
  let asked: RedisNode | null = null;
  while (performance.now() < untilMs) {
    const node: RedisNode | null = asked ?? parts.shards.ownerOf(slot);
    const attempt: Attempt = node?.connected ? await tryOnce(parts, order, node, asked !== null, untilMs) : AWAY;
    if (attempt.kind === "answered") return answerOf(attempt.reply);
    asked = attempt.ask === null ? null : parts.shards.nodeAt(attempt.ask);
    if (attempt.moved !== null) parts.shards.moved(slot, attempt.moved);
    cause = attempt.cause;
    await wait(TRY_AGAIN_MS);
  }
  return { kind: "unavailable", cause };
}

/** `moved` and `ask` are the addresses of the node that owns the slot by now, and of the one to ask once. */
type Failed = Readonly<{ kind: "failed"; cause: UnavailableCause; moved: string | null; ask: string | null }>;
type Attempt = Readonly<{ kind: "answered"; reply: AdjustReply }> | Failed;

const AWAY: Failed = { kind: "failed", cause: "disconnected", moved: null, ask: null };

async function tryOnce(
  { keys, clock }: AdjustParts,
  order: AdjustOrder,
  node: RedisNode,
  asking: boolean,
  untilMs: number,
): Promise<Attempt> {
  const leftMs = Math.ceil(untilMs - performance.now());
  const args = adjustArguments(ADJUST_SCRIPT.sha, order, {
    keys,
    clock: clock === undefined ? "" : String(clock()),
    validUntilMs: clock === undefined ? node.clock.nowMs() + leftMs : Number.MAX_SAFE_INTEGER,
  });
  const giveUp = new AbortController();
  const late = wait(leftMs, "late" as const, { signal: giveUp.signal }).catch(() => "late" as const);
  const sent = (asking ? node.sendAsking(args) : node.send(args)).then(
    (reply) => ({ reply }),
    (error: unknown) => ({ error }),
  );
  const first = await Promise.race([sent, late]);
  giveUp.abort();
  if (first === "late") return { ...AWAY, cause: "deadline" };
  if ("reply" in first) return { kind: "answered", reply: readAdjustReply(first.reply, order) };
  return await failure(first.error, node);
}

async function failure(error: unknown, node: RedisNode): Promise<Failed> {
  const what = readStoreError(error);
  switch (what.kind) {
    case "moved":
      return { ...AWAY, moved: what.address };
    case "ask":
      return { ...AWAY, cause: "slot_moving", ask: what.address };
    case "try_again":
      return { ...AWAY, cause: "slot_moving" };
    case "no_script":
      await node.loadScripts().catch(() => undefined);
      return AWAY;
    case "refused":
      return { ...AWAY, cause: what.cause };
    case "connection":
      return AWAY;
  }
}

function answerOf(reply: AdjustReply): Adjusted {
  if (reply.kind === "adjusted") return reply;
  // The periods were computed from an older view of the store's clock, or its clock ran ahead: a new order finds both.
  return { kind: "unavailable", cause: reply.kind === "too_late" ? "deadline" : "store_error" };
}
