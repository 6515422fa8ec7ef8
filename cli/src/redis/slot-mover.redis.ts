// Moves one slot of a Redis Cluster from one master to another, while calls for it go on.
//
// All keys travel in ONE MIGRATE, so the slot is open (MIGRATING at the source, IMPORTING at the target) for a few
// milliseconds. Movers that send keys one by one leave a tenant's keys on two nodes meanwhile, where no script can run.
// The price: the source answers nobody while that MIGRATE runs.
// Promise: a move that fails leaves the slot closed where it was, or says that it is open, and how to go on. A key that
// is on both nodes after a broken MIGRATE is the source's: the source served it until then, hence REPLACE.
import { setTimeout as pause } from "node:timers/promises";
import { CommandFailure, EXIT } from "../exit-codes.ts";
import { ownerOf, parseClusterNodes } from "./cluster-nodes.ts";
import type { Connection } from "./connections.redis.ts";

export type Member = Readonly<{ id: string; ip: string; port: number; connection: Connection }>;

export type Move = Readonly<{
  slot: number;
  source: Member;
  target: Member;
  /** Told of the new owner at once; otherwise gossip tells them. */
  otherMasters: readonly Member[];
}>;

export type MoveSettings = Readonly<{
  /** Longest silence of the target before the source gives up, and so the longest stall a dead target causes. */
  migrateTimeoutMs: number;
  /** How the source proves itself to the target. */
  credentials: Readonly<{ username: string | null; password: string | null }>;
  /** Called after the slot was opened and before its keys move. */
  onOpened?: (slot: number) => void;
}>;

export type Moved = Readonly<{ slot: number; keys: number; openMs: number }>;

/** Bounds one MIGRATE's request and the reply of the node that runs it; a slot with more keys needs several. */
const MAX_KEYS_PER_MIGRATE = 20_000;
/** A slot filled faster than it is emptied is given up after this many. */
const MAX_MIGRATES = 1_000;
/** The target may be busy for long without being silent: the reply is awaited this long. */
const MIGRATE_REPLY_MS = 120_000;
const CONFIRM_TIMEOUT_MS = 5_000;
const CONFIRM_PAUSE_MS = 5;

export async function moveSlot(move: Move, settings: MoveSettings): Promise<Moved> {
  const { slot, source, target } = move;
  const openedMs = performance.now();
  let keys = 0;
  try {
    await setSlot(target, slot, "IMPORTING", source.id);
    await setSlot(source, slot, "MIGRATING", target.id);
    settings.onOpened?.(slot);
    keys = await migrateKeys(move, settings);
    // The target first: it takes a newer epoch and answers for the slot before the source stops redirecting to it.
    await setSlot(target, slot, "NODE", target.id);
  } catch (fault) {
    throw await giveUp(move, fault);
  }
  const openMs = await finishMove(move).then(() => performance.now() - openedMs);
  return { slot, keys, openMs: Math.round(openMs * 10) / 10 };
}

/** Closes a slot that the target owns already: tells the source and everyone else. */
export async function finishMove({ slot, source, target, otherMasters }: Move): Promise<void> {
  // A master that cannot be told learns it by gossip; what counts is confirmed below.
  await setSlot(source, slot, "NODE", target.id).catch(() => undefined);
  const told = Promise.allSettled(otherMasters.map((master) => setSlot(master, slot, "NODE", target.id)));
  await confirm(slot, source, target);
  await told;
}

async function migrateKeys({ slot, source, target }: Move, settings: MoveSettings): Promise<number> {
  const { username, password } = settings.credentials;
  const secret = password === null ? [] : username === null ? ["AUTH", password] : ["AUTH2", username, password];
  const to = ["MIGRATE", target.ip, target.port, "", 0, settings.migrateTimeoutMs, "REPLACE", ...secret, "KEYS"];
  let moved = 0;
  for (let count = 0; count < MAX_MIGRATES; count++) {
    const keys = await source.connection.buffers(["CLUSTER", "GETKEYSINSLOT", slot, MAX_KEYS_PER_MIGRATE]);
    if (keys.length === 0) return moved;
    await source.connection.command([...to, ...keys], MIGRATE_REPLY_MS);
    moved += keys.length;
  }
  throw new CommandFailure(EXIT.failed, `slot ${slot} was not empty after ${MAX_MIGRATES} times MIGRATE`);
}

async function confirm(slot: number, source: Member, target: Member): Promise<void> {
  const deadlineMs = performance.now() + CONFIRM_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    const nodes = parseClusterNodes(String(await source.connection.command(["CLUSTER", "NODES"])));
    const isOpen = nodes.some((node) => node.isMyself && node.migrating.has(slot));
    if (!isOpen && ownerOf(nodes, slot)?.id === target.id) return;
    await pause(CONFIRM_PAUSE_MS);
  }
  throw new CommandFailure(
    EXIT.failed,
    `Slot ${slot} belongs to ${describe(target)}, but ${describe(source)} does not say so after ` +
      `${CONFIRM_TIMEOUT_MS} ms. ${howToGoOn(slot, source, target)}`,
  );
}

/** Closes the slot where it was if none of its keys has left; the failure to throw says how it stands. */
async function giveUp(move: Move, fault: unknown): Promise<CommandFailure> {
  const { slot, source, target } = move;
  const cause = fault instanceof Error ? fault.message : String(fault);
  const exitCode = fault instanceof CommandFailure ? fault.exitCode : EXIT.failed;
  const isClosed = await closeUntouched(move).catch(() => false);
  const standing = isClosed
    ? `It is closed and stays with ${describe(source)}; no key has moved.`
    : `SLOT ${slot} IS OPEN: ${describe(source)} is migrating it to ${describe(target)}. ${howToGoOn(slot, source, target)}`;
  return new CommandFailure(exitCode, `Slot ${slot} was not moved: ${cause}\n${standing}`, { cause: fault });
}

async function closeUntouched({ slot, source, target }: Move): Promise<boolean> {
  const arrived = async () => Number(await target.connection.command(["CLUSTER", "COUNTKEYSINSLOT", slot]));
  // A target that does not answer may hold keys: the slot must stay MIGRATING, or the source would start them anew.
  if ((await arrived()) > 0) return false;
  // From here nobody is sent to the target, so that the second count is final.
  await setSlot(source, slot, "STABLE");
  if ((await arrived().catch(() => Number.NaN)) === 0) {
    await setSlot(target, slot, "STABLE");
    return true;
  }
  await setSlot(source, slot, "MIGRATING", target.id);
  return false;
}

async function setSlot(node: Member, slot: number, ...state: string[]): Promise<void> {
  await node.connection.command(["CLUSTER", "SETSLOT", slot, ...state]);
}

function howToGoOn(slot: number, source: Member, target: Member): string {
  return `Go on with: sluice redis move-slots --from ${source.id} --to ${target.id} --slots ${slot} --resume`;
}

function describe(member: Member): string {
  return `${member.connection.address} (${member.id.slice(0, 8)})`;
}
