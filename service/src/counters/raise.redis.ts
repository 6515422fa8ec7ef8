// Raises counters in Redis. A raise may run twice, so it is sent until it is answered (script-call.redis.ts).
// Not here: what a raise does (raise.lua).
import type { CorrectionParts } from "./adjust.redis.ts";
import type { Raised, RaiseOrder } from "./raise.ts";
import { raiseArguments, readRaiseReply } from "./raise-arguments.ts";
import { requireRaise } from "./raise-counter.ts";
import { callScript } from "./script-call.redis.ts";
import { RAISE_SCRIPT } from "./scripts.redis.ts";

/** A failover may take longer: whoever restores asks again, after others. */
const DEADLINE_MS = 1_000;

export async function raiseInRedis({ keys, shards, clock }: CorrectionParts, order: RaiseOrder): Promise<Raised> {
  requireRaise(order);
  const answer = await callScript({
    ...{ shards, clock, tenant: order.tenant, deadlineMs: DEADLINE_MS },
    command: (timing) => raiseArguments(RAISE_SCRIPT.sha, order, keys, timing),
  });
  if (answer.kind === "unavailable") return answer;
  const reply = readRaiseReply(answer.reply, order);
  if (reply.kind === "raised" || reply.kind === "other_generation") return reply;
  // As in adjust.redis.ts: a new order finds better periods and a better clock.
  return { kind: "unavailable", cause: reply.kind === "too_late" ? "deadline" : "store_error" };
}
