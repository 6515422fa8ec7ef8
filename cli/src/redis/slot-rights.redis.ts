// Whether our user of Redis may do what copying ahead takes. Asked before anything is copied: a user who may copy but not
// remove would leave copies behind.
import { CommandFailure, EXIT } from "../exit-codes.ts";
import type { Connection, Word } from "./connections.redis.ts";
import { listKeys, type Move, type MoveSettings } from "./slot-commands.redis.ts";
import { copyKeys } from "./slot-copy.redis.ts";
import { removeKeys } from "./slot-leftovers.redis.ts";

/** Throws when the user may not. One key is copied and removed again, at a target that holds none of the slot. */
export async function proveRights(move: Move, settings: MoveSettings): Promise<void> {
  const { slot, source, target } = move;
  // Both are refused for want of a transaction, too, which is no want of rights.
  await allowed(source.connection, ["EXEC"]);
  await allowed(source.connection, ["DISCARD"]);
  await source.connection.command(["MULTI"]);
  await source.connection.command(["DISCARD"]);
  const oneKey = await listKeys(source, slot, 1);
  // First whether copies can be removed again.
  await removeKeys(target, oneKey);
  await copyKeys(move, settings, oneKey, "owner");
  await removeKeys(target, oneKey);
}

async function allowed(connection: Connection, command: readonly Word[]): Promise<void> {
  await connection.command(command).catch((fault: unknown) => {
    if (!(fault instanceof CommandFailure) || fault.exitCode !== EXIT.failed) throw fault;
  });
}
