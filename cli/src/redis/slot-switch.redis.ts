// Switches a slot whose keys were copied: the source hands it over, the last changes follow, the target takes it.
//
// From the first step to the last nobody answers for the slot; that takes a few round trips, however many keys it has.
// Nothing is removed anywhere until the target has taken the slot, so the source can take it back at every step but one:
// when it is not known whether the target has taken it.
// Promise: a failure that is no SlotLeftOpen has left the slot with the source, complete.
import { CommandFailure, EXIT } from "../exit-codes.ts";
import type { SlotChanges } from "./slot-changes.redis.ts";
import { describe, howToGoOn, type Move, type MoveSettings } from "./slot-commands.redis.ts";
import { copyKeys } from "./slot-copy.redis.ts";

/** `keys` is what the target held when it took the slot; so many of them followed while it was open. */
export type Switched = Readonly<{ keys: number; inWindow: number; openMs: number }>;

export class SlotLeftOpen extends CommandFailure {}

export async function switchSlot(move: Move, settings: MoveSettings, changes: SlotChanges): Promise<Switched> {
  await prepareHandOver(move);
  const openedMs = performance.now();
  let inWindow: number;
  try {
    await handOver(move);
    settings.onOpened?.(move.slot);
    inWindow = await copyKeys(move, settings, await changes.taken(), "importing");
  } catch (fault) {
    throw await undo(move, fault);
  }
  const keys = await takeOver(move, settings);
  return { keys, inWindow, openMs: Math.round((performance.now() - openedMs) * 10) / 10 };
}

/**
 * The source will name the target as owner, though it has the keys: a node refuses that for a slot of its own, hence
 * DELSLOTS. IMPORTING lets it go on sending keys. MIGRATING says to everyone who looks from where to where the slot goes.
 */
async function prepareHandOver({ slot, source, target }: Move): Promise<void> {
  // By itself: what follows a MULTI that was refused would run at once.
  await source.connection.command(["MULTI"]);
  try {
    await source.connection.pipeline([
      ["CLUSTER", "SETSLOT", slot, "MIGRATING", target.id],
      ["CLUSTER", "DELSLOTS", slot],
      ["CLUSTER", "SETSLOT", slot, "NODE", target.id],
      ["CLUSTER", "SETSLOT", slot, "IMPORTING", target.id],
    ]);
  } catch (fault) {
    await source.connection.command(["DISCARD"]);
    throw fault;
  }
}

async function handOver({ source }: Move): Promise<void> {
  const replies = await source.connection.command(["EXEC"]);
  if (Array.isArray(replies) && replies.every((reply) => reply === "OK")) return;
  throw new CommandFailure(EXIT.failed, `${describe(source)} did not hand the slot over: ${String(replies)}`);
}

async function takeOver(move: Move, settings: MoveSettings): Promise<number> {
  const { slot, target } = move;
  try {
    const [keys] = await target.connection.pipeline(
      [
        ["CLUSTER", "COUNTKEYSINSLOT", slot],
        ["CLUSTER", "SETSLOT", slot, "NODE", target.id],
      ],
      settings.targetTimeoutMs,
    );
    return Number(keys);
  } catch (fault) {
    // A refusal is an answer: it did not take the slot. Silence may mean that it did, or will.
    const isRefused = fault instanceof CommandFailure && fault.exitCode !== EXIT.unreachable;
    throw isRefused ? await undo(move, fault) : leftOpen(move, fault);
  }
}

/** The source answers for the slot again, with everything in it. */
export async function takeBack({ slot, source }: Move): Promise<void> {
  await source.connection.pipeline([
    ["CLUSTER", "SETSLOT", slot, "STABLE"],
    ["CLUSTER", "SETSLOT", slot, "NODE", source.id],
  ]);
}

/** The failure to throw. */
async function undo(move: Move, fault: unknown): Promise<unknown> {
  return await takeBack(move).then(
    () => fault,
    () => leftOpen(move, fault),
  );
}

function leftOpen(move: Move, fault: unknown): SlotLeftOpen {
  const cause = fault instanceof Error ? fault.message : String(fault);
  const exitCode = fault instanceof CommandFailure ? fault.exitCode : EXIT.failed;
  return new SlotLeftOpen(
    exitCode,
    `Slot ${move.slot} was not moved: ${cause}\nSLOT ${move.slot} IS OPEN: ${describe(move.source)} has handed it ` +
      `over, and ${describe(move.target)} may not have taken it. No key is lost. ${howToGoOn(move)}`,
    { cause: fault },
  );
}
