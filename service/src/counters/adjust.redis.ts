// Adjusts counters in Redis. An adjustment is known by its id, so it is sent until it is answered (script-call.redis.ts).
// Not here: what an adjustment does (adjust.lua).
import type { Adjusted, AdjustOrder } from "./adjust.ts";
import { adjustArguments, readAdjustReply } from "./adjust-arguments.ts";
import { requireOrder } from "./adjust-counter.ts";
import type { Keys } from "./keys.ts";
import { callScript, type ScriptCall } from "./script-call.redis.ts";
import { ADJUST_SCRIPT } from "./scripts.redis.ts";

/** An operator waits for this, no check does. */
const DEADLINE_MS = 2_000;

export type CorrectionParts = Readonly<{ keys: Keys }> & Pick<ScriptCall, "shards" | "clock">;

export async function adjustInRedis({ keys, shards, clock }: CorrectionParts, order: AdjustOrder): Promise<Adjusted> {
  requireOrder(order);
  const answer = await callScript({
    ...{ shards, clock, tenant: order.tenant, deadlineMs: DEADLINE_MS },
    command: (timing) => adjustArguments(ADJUST_SCRIPT.sha, order, keys, timing),
  });
  if (answer.kind === "unavailable") return answer;
  const reply = readAdjustReply(answer.reply, order);
  if (reply.kind === "adjusted") return reply;
  // The periods were computed from an older view of the store's clock, or its clock ran ahead: a new order finds both.
  return { kind: "unavailable", cause: reply.kind === "too_late" ? "deadline" : "store_error" };
}
