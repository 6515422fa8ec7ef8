// Notes which keys of a slot change at its owner, while they are being copied.
//
// Promise: what `taken` returns holds every key that was changed, by whatever command or script, before it was called.
// The server reports every key of the node (CLIENT TRACKING, broadcast), so a busy node costs this process some work.
// Not here: what is done about a change (slot-copy.redis.ts).
import { CommandFailure, EXIT } from "../exit-codes.ts";
import type { Connection } from "./connections.redis.ts";
import { slotOfKey } from "./key-slot.ts";

export type SlotChanges = Readonly<{
  /** The keys that changed since the last call, once each. */
  taken: () => Promise<Buffer[]>;
  close: () => void;
}>;

export async function watchSlot(owner: Connection, slot: number): Promise<SlotChanges> {
  // Keys are bytes: as text they would be neither told apart nor written back.
  const changed = new Set<string>();
  let isFlushed = false;
  const tracking = await owner.track((key) => {
    if (key === null) isFlushed = true;
    else if (slotOfKey(key) === slot) changed.add(key.toString("latin1"));
  });
  return {
    taken: async () => {
      await tracking.settled();
      if (isFlushed) throw new CommandFailure(EXIT.conflict, `All keys of ${owner.address} were removed meanwhile.`);
      const keys = [...changed].map((key) => Buffer.from(key, "latin1"));
      changed.clear();
      return keys;
    },
    close: tracking.close,
  };
}
