// Lays out the keys and arguments of adjust.lua, and reads its reply: the TypeScript side of the header of that file.
import { hash } from "node:crypto";
import { WINDOWS } from "@sluice/contract";
import { ADJUSTMENT_KNOWN_MS, type Adjusted, type AdjustOrder, type CounterChange } from "./adjust.ts";
import { adjustedWindows, orderText, reusedId, windowsChanged } from "./adjust-counter.ts";
import { instantArguments, type ScriptTiming } from "./instant-arguments.ts";
import type { Keys } from "./keys.ts";
import { decodeState, readGeneration, readUInt56, WHOLE_BYTES } from "./state-codec.ts";
import { counterIndex } from "./take-arguments.ts";

const REPLY_FORMAT = 1;
/** Bytes before the first state. */
const STATES_AT = 12;

export function adjustArguments(sha: string, order: AdjustOrder, keys: Keys, timing: ScriptTiming): string[] {
  const names = [keys.tenant(order.tenant), keys.adjustment(order.tenant, order.id)];
  const values = [...instantArguments(timing, order.periods), digestOf(order), String(ADJUSTMENT_KNOWN_MS)];
  for (const counter of order.changes) {
    values.push(String(counterIndex(names, keys, order.tenant, counter, counter.user ?? "")));
    values.push(...amountsOf(counter.change));
  }
  return ["EVALSHA", sha, String(names.length), ...names, ...values];
}

export type AdjustReply =
  | Extract<Adjusted, { kind: "adjusted" }>
  | Readonly<{ kind: "outside_periods" | "too_late"; nowMs: number }>;

/** Throws on a reply that is not adjust.lua's, and on an id that stands for other changes. */
export function readAdjustReply(reply: unknown, order: AdjustOrder): AdjustReply {
  const [code, rest] = Array.isArray(reply) ? reply : [];
  switch (code) {
    case 0:
    case 1:
      return readAdjusted(rest, order, code === 1);
    case -1:
      return { kind: "outside_periods", nowMs: Number(rest) };
    case -3:
      throw new Error(`a counter of tenant ${order.tenant} has the unknown format ${rest}: nothing was adjusted`);
    case -4:
      return { kind: "too_late", nowMs: Number(rest) };
    case -5:
      throw reusedId(order);
    default:
      throw new Error(`the adjust script answered in the unknown format ${code}`);
  }
}

function readAdjusted(bytes: unknown, order: AdjustOrder, replayed: boolean): AdjustReply {
  const expected = STATES_AT + 2 * WHOLE_BYTES * order.changes.length;
  if (!Buffer.isBuffer(bytes) || bytes[0] !== REPLY_FORMAT || bytes.length !== expected) {
    throw new Error("the adjust script answered in an unknown format");
  }
  const dayLabel = bytes.readUInt32LE(8);
  const now = { nowMs: readUInt56(bytes, 1), dayLabel, monthLabel: Math.floor(dayLabel / 100) };
  const counters = order.changes.map(({ change }, i) => {
    const at = STATES_AT + 2 * WHOLE_BYTES * i;
    const before = decodeState(bytes, at, WHOLE_BYTES);
    const after = decodeState(bytes, at + WHOLE_BYTES, WHOLE_BYTES);
    return adjustedWindows(change, before, after, now, readGeneration(bytes, at));
  });
  return { kind: "adjusted", replayed, ...now, counters };
}

function amountsOf(change: CounterChange["change"]): string[] {
  const named = windowsChanged(change);
  const amount = change.kind === "add" ? String(change.amount) : "reset";
  return WINDOWS.map((window) => (named.includes(window) ? amount : ""));
}

/** 22 characters. */
function digestOf(order: AdjustOrder): string {
  return hash("sha256", orderText(order), "buffer").toString("base64url", 0, 16);
}
