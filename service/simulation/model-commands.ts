// The commands that real code writes to Redis as texts, answered by the model: HGET, and the scripts give-back.lua and
// raise.lua, whose headers say what the texts are. Takes and adjustments reach the model as objects (store-client.ts).
import { EMPTY_COUNTER } from "../src/counters/admission.ts";
import { GIVE_BACK_SCRIPT, RAISE_SCRIPT } from "../src/counters/scripts.redis.ts";
import type { QuotaEntry, QuotaState } from "../src/limits/quota.ts";
import type { SlidingState } from "../src/limits/sliding-window.ts";
import type { ModelRedis, StoredCounter } from "./model-redis.ts";

const RAISE_OWN_ARGUMENTS = 12;
const RAISE_ARGUMENTS_PER_COUNTER = 5;

/** Throws on a command that the model does not know: then it is to be taught. */
export function runCommand(shard: ModelRedis, args: readonly string[]): unknown {
  const [name, first = "", second = ""] = args;
  if (name === "HGET") return shard.sumAt(first, second)?.total.toString() ?? null;
  const keys = args.slice(3, 3 + Number(second));
  const values = args.slice(3 + keys.length);
  if (name === "EVALSHA" && first === GIVE_BACK_SCRIPT.sha) return giveBack(shard, keys, values);
  if (name === "EVALSHA" && first === RAISE_SCRIPT.sha) return raise(shard, keys, values);
  throw new Error(`The model store does not know the command ${name} ${first}: teach it in model-commands.ts.`);
}

function giveBack(shard: ModelRedis, keys: readonly string[], values: readonly string[]): unknown {
  const [atMs, dayLabel, monthLabel, cost] = values.slice(0, 4).map(Number) as [number, number, number, number];
  const field = values[4] ?? "";
  const request = Number(values[5]);
  let count = 0;
  for (let claim = 0; claim < Number(values[7]); claim += 1) {
    const [index, ...marks] = values.slice(8 + 6 * claim, 14 + 6 * claim);
    const key = keys[Number(index) - 1] ?? "";
    const counter = shard.counterAt(key);
    if (counter === null || counter.generation !== Number(values[6])) continue;
    const { state } = counter;
    const isTaken = (window: number) => marks[window] === "1";
    const lowered = {
      second: isTaken(0) ? lowerSliding(state.second, Math.floor(atMs / 1_000), cost) : state.second,
      minute: isTaken(1) ? lowerSliding(state.minute, Math.floor(atMs / 60_000), cost) : state.minute,
      day: isTaken(2) ? lowerSliding(state.day, Math.floor(atMs / 86_400_000), cost) : state.day,
      quotaDay: isTaken(3) ? lowerQuota(state.quotaDay, dayLabel, cost) : state.quotaDay,
      month: isTaken(4) ? lowerQuota(state.month, monthLabel, cost) : state.month,
    };
    shard.setCounter(key, { ...counter, state: lowered });
    count += 1;
  }
  const hash = keys[1] ?? "";
  const sum = shard.sumAt(hash, field);
  if (sum !== null) shard.setSum(hash, { ...sum, total: sum.total - cost });
  if (request > 0) shard.forget(keys[request - 1] ?? "");
  return [1, count];
}

function lowerSliding(state: SlidingState, bucket: number, cost: number): SlidingState {
  if (state.bucket === bucket) return { ...state, current: Math.max(0, state.current - cost) };
  if (state.bucket === bucket + 1) return { ...state, previous: Math.max(0, state.previous - cost) };
  return state;
}

function lowerQuota({ current, previous }: QuotaState, label: number, cost: number): QuotaState {
  if (current.label === label) return { current: lowerEntry(current, cost), previous };
  return previous.label === label ? { current, previous: lowerEntry(previous, cost) } : { current, previous };
}

function lowerEntry({ label, base, since }: QuotaEntry, cost: number): QuotaEntry {
  const offSince = Math.min(cost, since);
  return { label, base: Math.max(0, base - (cost - offSince)), since: since - offSince };
}

function raise(shard: ModelRedis, keys: readonly string[], values: readonly string[]): unknown {
  const own = shard.counterAt(keys[0] ?? "");
  const generation = own?.generation ?? 0;
  if (shard.clockMs > Number(values[1])) return [-4, shard.clockMs];
  if (generation === 0 || generation !== Number(values[RAISE_OWN_ARGUMENTS])) return [-6, generation];
  let raised = 0;
  for (let at = RAISE_OWN_ARGUMENTS + 1; at < values.length; at += RAISE_ARGUMENTS_PER_COUNTER) {
    const [index = 0, quota, label = 0, atLeast = 0, usedAtLeast = 0] = values
      .slice(at, at + RAISE_ARGUMENTS_PER_COUNTER)
      .map(Number);
    const key = keys[index - 1] ?? "";
    const counter = shard.adopt(shard.counterAt(key) ?? emptyOf(own), generation);
    const window = quota === 1 ? "quotaDay" : "month";
    // Who the counter belongs to is in its key already; the arithmetic does not look at it.
    const order = { scope: "TENANT", api: null, user: null, window, label, atLeast, usedAtLeast } as const;
    const state = shard.raiseCounter(counter.state, order);
    if (state === counter.state) continue;
    shard.setCounter(key, { ...counter, state });
    raised += 1;
  }
  return [0, raised];
}

function emptyOf(own: StoredCounter | null): StoredCounter {
  return { kind: "counter", generation: own?.generation ?? 0, token: 0, state: EMPTY_COUNTER };
}
