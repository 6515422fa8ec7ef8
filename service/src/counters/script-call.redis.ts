// Sends a script about one tenant to the owner of its slot, until it is answered or the deadline is over: through whatever
// a failover or a moving slot does meanwhile, and without knowing what became of the attempt before.
// For scripts that may run twice, and that do nothing after `validUntilMs`: what the caller gave up must not happen behind
// its back. A take is not such a one (counters.redis.ts).
// Not here: what a script does (*.lua), nodes and slots (shards.redis.ts).
import { setTimeout as wait } from "node:timers/promises";
import type { UnavailableCause } from "./counters.ts";
import type { ScriptTiming } from "./instant-arguments.ts";
import type { RedisNode } from "./node.redis.ts";
import type { Shards } from "./shards.redis.ts";
import { readStoreError } from "./store-error.ts";
import { slotOf } from "./topology.ts";

const TRY_AGAIN_MS = 20;

export type ScriptCall = Readonly<{
  shards: Shards;
  tenant: string;
  deadlineMs: number;
  /** Handed in by tests instead of the store's own clock, UTC ms. */
  clock: (() => number) | undefined;
  command: (timing: ScriptTiming) => string[];
}>;

export type ScriptAnswer =
  | Readonly<{ kind: "answered"; reply: unknown }>
  /** It is not known whether it ran. */
  | Readonly<{ kind: "unavailable"; cause: UnavailableCause }>;

export async function callScript(call: ScriptCall): Promise<ScriptAnswer> {
  const { shards, tenant, deadlineMs } = call;
  const slot = slotOf(tenant);
  const untilMs = performance.now() + deadlineMs;
  let cause: UnavailableCause = "disconnected";
  let asked: RedisNode | null = null;
  while (performance.now() < untilMs) {
    const node: RedisNode | null = asked ?? shards.ownerOf(slot);
    const attempt: Attempt = node?.connected ? await tryOnce(call, node, asked !== null, untilMs) : AWAY;
    if (attempt.kind === "answered") return attempt;
    asked = attempt.ask === null ? null : shards.nodeAt(attempt.ask);
    if (attempt.moved !== null) shards.moved(slot, attempt.moved);
    cause = attempt.cause;
    await wait(TRY_AGAIN_MS);
  }
  return { kind: "unavailable", cause };
}

/** `moved` and `ask` are the addresses of the node that owns the slot by now, and of the one to ask once. */
type Failed = Readonly<{ kind: "failed"; cause: UnavailableCause; moved: string | null; ask: string | null }>;
type Attempt = Extract<ScriptAnswer, { kind: "answered" }> | Failed;

const AWAY: Failed = { kind: "failed", cause: "disconnected", moved: null, ask: null };

async function tryOnce(
  { clock, command }: ScriptCall,
  node: RedisNode,
  asking: boolean,
  untilMs: number,
): Promise<Attempt> {
  const leftMs = Math.ceil(untilMs - performance.now());
  const words = command({
    clock: clock === undefined ? "" : String(clock()),
    validUntilMs: clock === undefined ? node.clock.nowMs() + leftMs : Number.MAX_SAFE_INTEGER,
  });
  const giveUp = new AbortController();
  const late = wait(leftMs, "late" as const, { signal: giveUp.signal }).catch(() => "late" as const);
  const sent = (asking ? node.sendAsking(words) : node.send(words)).then(
    (reply) => ({ reply }),
    (error: unknown) => ({ error }),
  );
  const first = await Promise.race([sent, late]);
  giveUp.abort();
  if (first === "late") return { ...AWAY, cause: "deadline" };
  if ("reply" in first) return { kind: "answered", reply: first.reply };
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
