// Removes keys of a slot at a node that does not own it: copies at a target whose move was given up, and what the source
// still has of a slot that went to another node.
// Promise: a node that owns the slot refuses, and loses nothing.
import { setTimeout as pause } from "node:timers/promises";
import { CommandFailure, EXIT } from "../exit-codes.ts";
import { forEachKey, listKeys, type Member, setSlot } from "./slot-commands.redis.ts";

/** Keys removed at a time, and how much longer than that the pause is after them: others are answered in between. */
const CHUNK_KEYS = 64;
const REST_SHARE = 3;
/** A slot that still has keys after so many chunks is being filled by somebody. */
const MAX_CHUNKS = 100_000;

/** The slot stays IMPORTING at `node`, for only then does a node take commands for a slot that it does not own. */
export async function removeLeftovers(node: Member, slot: number, ownerId: string): Promise<void> {
  await setSlot(node, slot, "IMPORTING", ownerId);
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    const startMs = performance.now();
    const keys = await listKeys(node, slot, CHUNK_KEYS);
    if (keys.length === 0) return;
    // In one command, unless one of them has expired since.
    await node.connection.pipeline([["ASKING"], ["UNLINK", ...keys]]).catch(() => removeKeys(node, keys));
    await pause((performance.now() - startMs) * REST_SHARE);
  }
  throw new CommandFailure(EXIT.failed, `slot ${slot} was not empty at ${node.connection.address} after removing all`);
}

/** `node` is importing the slot, and need not have all of them. */
export async function removeKeys(node: Member, keys: readonly Buffer[]): Promise<void> {
  if (keys.length > 0) await forEachKey(node, "UNLINK", keys, "importing");
}
