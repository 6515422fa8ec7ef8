// Lays out the keys and arguments of raise.lua, and reads its reply: the TypeScript side of the header of that file.
import { instantArguments, type ScriptTiming } from "./instant-arguments.ts";
import type { Keys } from "./keys.ts";
import type { Raised, RaiseOrder } from "./raise.ts";
import { counterIndex } from "./take-arguments.ts";

export function raiseArguments(sha: string, order: RaiseOrder, keys: Keys, timing: ScriptTiming): string[] {
  const names = [keys.tenant(order.tenant)];
  const values = [...instantArguments(timing, order.periods), String(order.generation)];
  for (const counter of order.counters) {
    const { window, label, atLeast, usedAtLeast = 0 } = counter;
    const index = counterIndex(names, keys, order.tenant, counter, counter.user ?? "");
    values.push(...[index, window === "quotaDay" ? 1 : 2, label, atLeast, usedAtLeast].map(String));
  }
  return ["EVALSHA", sha, String(names.length), ...names, ...values];
}

type RaiseReply =
  | Exclude<Raised, { kind: "unavailable" }>
  | Readonly<{ kind: "outside_periods" | "too_late"; nowMs: number }>;

/** Throws on a reply that is not raise.lua's. */
export function readRaiseReply(reply: unknown, { tenant }: RaiseOrder): RaiseReply {
  const [code, rest] = Array.isArray(reply) ? reply : [];
  switch (code) {
    case 0:
      return { kind: "raised", raised: Number(rest) };
    case -1:
      return { kind: "outside_periods", nowMs: Number(rest) };
    case -3:
      throw new Error(`a counter of tenant ${tenant} has the unknown format ${rest}: nothing was raised`);
    case -4:
      return { kind: "too_late", nowMs: Number(rest) };
    case -6:
      return { kind: "other_generation", generation: Number(rest) };
    default:
      throw new Error(`the raise script answered in the unknown format ${code}`);
  }
}
