// The commands that a move of a slot is made of, and who takes part in it.
// Not here: their order (slot-mover.redis.ts), and what they cost (decision 0011).
import type { Connection, Reply, Word } from "./connections.redis.ts";

export type Member = Readonly<{ id: string; ip: string; port: number; connection: Connection }>;

export type Move = Readonly<{
  slot: number;
  source: Member;
  target: Member;
  /** Told of the new owner at once; otherwise gossip tells them. */
  otherMasters: readonly Member[];
}>;

export type MoveSettings = Readonly<{
  /** Longest silence of the target before the move is given up, and so the longest time a dead one holds calls up. */
  targetTimeoutMs: number;
  /** How the source proves itself to the target, for MIGRATE. */
  credentials: Readonly<{ username: string | null; password: string | null }>;
  /** Warnings. */
  say: (text: string) => void;
  /** Called when all is copied and the source still answers. */
  onCopied?: (slot: number) => void | Promise<void>;
  /** Called when the source answers no more for all keys, and the target not yet. */
  onOpened?: (slot: number) => void;
}>;

export async function setSlot(node: Member, slot: number, ...state: string[]): Promise<void> {
  await node.connection.command(["CLUSTER", "SETSLOT", slot, ...state]);
}

export async function countKeys(node: Member, slot: number): Promise<number> {
  return Number(await node.connection.command(["CLUSTER", "COUNTKEYSINSLOT", slot]));
}

export async function listKeys(node: Member, slot: number, most: number): Promise<Buffer[]> {
  return await node.connection.buffers(["CLUSTER", "GETKEYSINSLOT", slot, most]);
}

/**
 * Sends the command for each key by itself; the replies. A node that does not own the slot takes it only after ASKING, and
 * would refuse one with several keys when it has not all of them.
 */
export async function forEachKey(
  node: Member,
  command: string,
  keys: readonly Buffer[],
  standing: "owner" | "importing",
): Promise<(Reply | Buffer)[]> {
  const words: Word[][] = keys.flatMap((key) =>
    standing === "owner" ? [[command, key]] : [["ASKING"], [command, key]],
  );
  const replies = await node.connection.pipeline(words);
  return standing === "owner" ? replies : replies.filter((_, index) => index % 2 === 1);
}

export function howToGoOn({ slot, source, target }: Move): string {
  return `Go on with: sluice redis move-slots --from ${source.id} --to ${target.id} --slots ${slot} --resume`;
}

export function describe(member: Member): string {
  return `${member.connection.address} (${member.id.slice(0, 8)})`;
}
