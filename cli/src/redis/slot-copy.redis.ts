// Copies the keys of a slot ahead to the target, while the source goes on answering for it.
//
// What changes meanwhile is copied again, in rounds, until so little is left that it can follow at the very end. A copy may
// be of any moment: each later change is noted by `changes`, and a key that is gone at the source is removed at the target.
// Keys go through this process, DUMP here and RESTORE there: MIGRATE would let the source stand still until the target has
// answered. In small chunks, so that both nodes answer calls in between.
import { setTimeout as pause } from "node:timers/promises";
import type { Word } from "./connections.redis.ts";
import type { SlotChanges } from "./slot-changes.redis.ts";
import { forEachKey, listKeys, type Move, type MoveSettings } from "./slot-commands.redis.ts";
import { removeKeys } from "./slot-leftovers.redis.ts";

/** Beyond any slot: a bound that was counted before would leave out as many keys as came since. */
const MAX_KEYS = 100_000_000;
/** How many keys travel at a time, some 3 µs each at either node, and how much longer than that the rest after them is. */
type Pace = Readonly<{ chunkKeys: number; restShare: number }>;
/** Whoever answers calls has most of the time, of a busy machine, too. */
const GENTLE: Pace = { chunkKeys: 64, restShare: 3 };
/** When changes come faster than they are copied: rather a node that answers a little later than never being done. */
const HASTY: Pace = { chunkKeys: 512, restShare: 0 };
const MAX_REST_MS = 10;
/** So few keys may change during a round, and follow after the source has handed the slot over. */
const FEW_KEYS = 32;
const MAX_ROUNDS = 20;
/** As much changes as is copied when so many rounds in a row are no shorter than the shortest. */
const MAX_ROUNDS_IN_VAIN = 5;

export async function copyAhead(move: Move, settings: MoveSettings, changes: SlotChanges): Promise<void> {
  let pace = GENTLE;
  await copyInChunks(move, settings, await listKeys(move.source, move.slot, MAX_KEYS), pace);
  let fewest = Number.POSITIVE_INFINITY;
  for (let round = 0, inVain = 0; round < MAX_ROUNDS && inVain < MAX_ROUNDS_IN_VAIN; round++) {
    const changed = await changes.taken();
    if (changed.length > fewest / 2) pace = HASTY;
    await copyInChunks(move, settings, changed, pace);
    if (changed.length <= FEW_KEYS) return;
    inVain = changed.length < fewest ? 0 : inVain + 1;
    fewest = Math.min(fewest, changed.length);
  }
}

/**
 * The target has these keys as the source has them, in two round trips; how many of them there are.
 * A source that has handed the slot over is `importing` it.
 */
export async function copyKeys(
  { source, target }: Move,
  { targetTimeoutMs }: MoveSettings,
  keys: readonly Buffer[],
  sourceIs: "owner" | "importing",
): Promise<number> {
  if (keys.length === 0) return 0;
  const [values, ttlsMs] = await Promise.all([
    forEachKey(source, "DUMP", keys, sourceIs),
    forEachKey(source, "PTTL", keys, sourceIs),
  ]);
  const found: Word[][] = [];
  const gone: Buffer[] = [];
  for (const [index, key] of keys.entries()) {
    const value = values[index];
    const ttlMs = Number(ttlsMs[index]);
    // -2: expired since; -1: never expires, which RESTORE calls 0.
    if (!Buffer.isBuffer(value) || ttlMs === -2) gone.push(key);
    else found.push(["RESTORE-ASKING", key, ttlMs === -1 ? 0 : Math.max(1, ttlMs), value, "REPLACE"]);
  }
  await target.connection.pipeline(found, targetTimeoutMs);
  await removeKeys(target, gone);
  return found.length;
}

async function copyInChunks(move: Move, settings: MoveSettings, keys: readonly Buffer[], pace: Pace): Promise<void> {
  for (let begin = 0; begin < keys.length; ) {
    const startMs = performance.now();
    await copyKeys(move, settings, keys.slice(begin, begin + pace.chunkKeys), "owner");
    begin += pace.chunkKeys;
    const restMs = (performance.now() - startMs) * pace.restShare;
    if (begin < keys.length) await pause(Math.min(MAX_REST_MS, restMs));
  }
}
