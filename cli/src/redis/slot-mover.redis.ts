// Moves one slot of a Redis Cluster from one master to another, while calls for it go on (decision 0011).
//
// First everything is copied, while the source answers as ever and notes what changes. Then the slot is switched: the
// source hands it over, the few keys that changed last follow, the target takes it. Last the source's keys are removed.
// So calls wait for a few round trips, whatever the slot holds. The price: for a while both nodes hold the keys.
// Promise: a move that fails leaves the slot complete where it was, or says that it is open, and how to go on.
// Not here: the steps (slot-copy, slot-switch, slot-leftovers), what the state of a slot allows (slot-plan.ts).
import { setTimeout as pause } from "node:timers/promises";
import { CommandFailure, EXIT } from "../exit-codes.ts";
import { ownerOf, parseClusterNodes } from "./cluster-nodes.ts";
import { type SlotChanges, watchSlot } from "./slot-changes.redis.ts";
import { countKeys, describe, howToGoOn, type Move, type MoveSettings, setSlot } from "./slot-commands.redis.ts";
import { copyAhead } from "./slot-copy.redis.ts";
import { removeLeftovers } from "./slot-leftovers.redis.ts";
import { migrateSlot } from "./slot-migrate.redis.ts";
import { proveRights } from "./slot-rights.redis.ts";
import { SlotLeftOpen, type Switched, switchSlot, takeBack } from "./slot-switch.redis.ts";

/**
 * `keys` is what the target held when it took the slot: `copiedAhead` of them had come before the slot was open,
 * `inWindow` while it was. `openMs` is how long calls for the slot had to wait at most.
 */
export type Moved = Readonly<{ slot: number; keys: number; copiedAhead: number; inWindow: number; openMs: number }>;

const CONFIRM_TIMEOUT_MS = 5_000;
const CONFIRM_PAUSE_MS = 5;

export async function moveSlot(move: Move, settings: MoveSettings): Promise<Moved> {
  let switched: Switched;
  const changes = await prepare(move, settings);
  if (changes === null) {
    switched = await migrateSlot(move, settings);
  } else {
    try {
      switched = await copyAndSwitch(move, settings, changes);
    } finally {
      changes.close();
    }
  }
  await finishMove(move);
  return movedBy(move, switched);
}

/** Goes on with a slot that is MIGRATING: some of its keys may be at the target only. */
export async function resumeMove(move: Move, settings: MoveSettings): Promise<Moved> {
  const switched = await migrateSlot(move, settings);
  await finishMove(move);
  return movedBy(move, switched);
}

/** Undoes an interrupted switch: the source has the truth, for the target never answered. Then moves the slot anew. */
export async function takeBackAndMove(move: Move, settings: MoveSettings): Promise<Moved> {
  await takeBack(move);
  return await moveSlot(move, settings);
}

/** Closes a slot that the target owns already: the source lets go of it, and everyone else is told. */
export async function finishMove(move: Move): Promise<void> {
  const { slot, source, target, otherMasters } = move;
  const told = Promise.allSettled(otherMasters.map((master) => setSlot(master, slot, "NODE", target.id)));
  try {
    if ((await countKeys(source, slot)) > 0) await removeLeftovers(source, slot, target.id);
    await setSlot(source, slot, "NODE", target.id);
    await setSlot(source, slot, "STABLE");
    await confirm(move);
  } catch (fault) {
    const cause = fault instanceof Error ? fault.message : String(fault);
    const standing = `Slot ${slot} belongs to ${describe(target)}, but ${describe(source)} has not closed it.`;
    throw new CommandFailure(EXIT.failed, `${standing} ${cause}\n${howToGoOn(move)}`, { cause: fault });
  }
  await told;
}

/** What changes at the source from now on; null when we may not watch it, or not do what must follow. */
async function prepare(move: Move, settings: MoveSettings): Promise<SlotChanges | null> {
  const { slot, source, target } = move;
  const withoutCopies = (cause: string) => {
    settings.say(`warning: slot ${slot} is moved without copies ahead, and calls wait longer: ${cause}`);
    return null;
  };
  try {
    // Whatever is there is of a move that was given up: the source owns the truth.
    await removeLeftovers(target, slot, source.id);
    await proveRights(move, settings);
    // With the newest epoch in its hands already, the target need not wait for its disk when it takes the slot.
    await target.connection.command(["CLUSTER", "BUMPEPOCH"]);
  } catch (fault) {
    if (fault instanceof CommandFailure && fault.exitCode === EXIT.auth) return withoutCopies(fault.message);
    throw await abandon(move, fault);
  }
  return await watchSlot(source.connection, slot).catch((fault: unknown) =>
    withoutCopies(fault instanceof Error ? fault.message : String(fault)),
  );
}

async function copyAndSwitch(move: Move, settings: MoveSettings, changes: SlotChanges): Promise<Switched> {
  try {
    await copyAhead(move, settings, changes);
    await settings.onCopied?.(move.slot);
    return await switchSlot(move, settings, changes);
  } catch (fault) {
    throw fault instanceof SlotLeftOpen ? fault : await abandon(move, fault);
  }
}

/** Nothing has changed at the source: only the target has something to forget. The failure to throw. */
async function abandon({ slot, source, target }: Move, fault: unknown): Promise<CommandFailure> {
  const cause = fault instanceof Error ? fault.message : String(fault);
  const exitCode = fault instanceof CommandFailure ? fault.exitCode : EXIT.failed;
  const standing = await removeLeftovers(target, slot, source.id)
    .then(() => setSlot(target, slot, "STABLE"))
    .then(
      () => "",
      () => ` ${describe(target)} may still hold copies, which harm nobody; the next move there removes them.`,
    );
  const message = `Slot ${slot} was not moved: ${cause}\nIt stays with ${describe(source)}, with all its keys.${standing}`;
  return new CommandFailure(exitCode, message, { cause: fault });
}

async function confirm({ slot, source, target }: Move): Promise<void> {
  const deadlineMs = performance.now() + CONFIRM_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    const nodes = parseClusterNodes(String(await source.connection.command(["CLUSTER", "NODES"])));
    const isOpen = nodes.some((node) => node.isMyself && (node.migrating.has(slot) || node.importing.has(slot)));
    if (!isOpen && ownerOf(nodes, slot)?.id === target.id) return;
    await pause(CONFIRM_PAUSE_MS);
  }
  throw new CommandFailure(EXIT.failed, `It does not name the new owner after ${CONFIRM_TIMEOUT_MS} ms.`);
}

function movedBy({ slot }: Move, { keys, inWindow, openMs }: Switched): Moved {
  return { slot, keys, copiedAhead: keys - inWindow, inWindow, openMs };
}
