// Moves the keys of a slot without copies ahead: the plain way, for a slot that an interrupted move left open, and where
// the source does not let us watch its keys.
//
// The slot is open (MIGRATING at the source, IMPORTING at the target) while all keys travel in one MIGRATE. The price: the
// source answers nobody meanwhile, some 15 µs per key.
// Promise: a move that fails leaves the slot closed where it was, or says that it is open, and how to go on. A key that
// is on both nodes after a broken MIGRATE is the source's: the source served it until then, hence REPLACE.
import { CommandFailure, EXIT } from "../exit-codes.ts";
import {
  countKeys,
  describe,
  howToGoOn,
  listKeys,
  type Move,
  type MoveSettings,
  setSlot,
} from "./slot-commands.redis.ts";
import type { Switched } from "./slot-switch.redis.ts";

/** Bounds one MIGRATE's request and the reply of the node that runs it; a slot with more keys needs several. */
const MAX_KEYS_PER_MIGRATE = 20_000;
/** A slot filled faster than it is emptied is given up after this many. */
const MAX_MIGRATES = 1_000;
/** The target may be busy for long without being silent: the reply of a MIGRATE is awaited this long. */
const MIGRATE_REPLY_MS = 120_000;

export async function migrateSlot(move: Move, settings: MoveSettings): Promise<Switched> {
  const { slot, source, target } = move;
  const openedMs = performance.now();
  try {
    await setSlot(target, slot, "IMPORTING", source.id);
    await setSlot(source, slot, "MIGRATING", target.id);
    settings.onOpened?.(slot);
    const keys = await migrateKeys(move, settings);
    // The target first: it takes a newer epoch and answers for the slot before the source stops redirecting to it.
    await setSlot(target, slot, "NODE", target.id);
    return { keys, inWindow: keys, openMs: Math.round((performance.now() - openedMs) * 10) / 10 };
  } catch (fault) {
    throw await giveUp(move, fault);
  }
}

async function migrateKeys({ slot, source, target }: Move, settings: MoveSettings): Promise<number> {
  const { username, password } = settings.credentials;
  const secret = password === null ? [] : username === null ? ["AUTH", password] : ["AUTH2", username, password];
  const to = ["MIGRATE", target.ip, target.port, "", 0, settings.targetTimeoutMs, "REPLACE", ...secret, "KEYS"];
  let moved = 0;
  for (let count = 0; count < MAX_MIGRATES; count++) {
    const keys = await listKeys(source, slot, MAX_KEYS_PER_MIGRATE);
    if (keys.length === 0) return moved;
    await source.connection.command([...to, ...keys], MIGRATE_REPLY_MS);
    moved += keys.length;
  }
  throw new CommandFailure(EXIT.failed, `slot ${slot} was not empty after ${MAX_MIGRATES} times MIGRATE`);
}

/** Closes the slot where it was if none of its keys has left; the failure to throw says how it stands. */
async function giveUp(move: Move, fault: unknown): Promise<CommandFailure> {
  const { slot, source, target } = move;
  const cause = fault instanceof Error ? fault.message : String(fault);
  const exitCode = fault instanceof CommandFailure ? fault.exitCode : EXIT.failed;
  const isClosed = await closeUntouched(move).catch(() => false);
  const standing = isClosed
    ? `It is closed and stays with ${describe(source)}; no key has moved.`
    : `SLOT ${slot} IS OPEN: ${describe(source)} is migrating it to ${describe(target)}. ${howToGoOn(move)}`;
  return new CommandFailure(exitCode, `Slot ${slot} was not moved: ${cause}\n${standing}`, { cause: fault });
}

async function closeUntouched({ slot, source, target }: Move): Promise<boolean> {
  // A target that does not answer may hold keys: the slot must stay MIGRATING, or the source would start them anew.
  if ((await countKeys(target, slot)) > 0) return false;
  // From here nobody is sent to the target, so that the second count is final.
  await setSlot(source, slot, "STABLE");
  if ((await countKeys(target, slot).catch(() => Number.NaN)) === 0) {
    await setSlot(target, slot, "STABLE");
    return true;
  }
  await setSlot(source, slot, "MIGRATING", target.id);
  return false;
}
