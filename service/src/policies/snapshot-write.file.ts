// Keeps the last good policies on disk, for a start while PostgreSQL is away.
//
// Promise: a reader sees a whole file or none (temporary file, fsync, rename), for this user only; rows leave in slices
// that do not hold the thread. Of credentials it holds digests alone. Not here: when it is written (snapshot-file.sync.ts), or the
// format (snapshot-lines.ts). One process writes.
import { createHmac } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setImmediate as pause } from "node:timers/promises";
import type { SnapshotSource } from "./snapshot.ts";
import { lastLine, type SnapshotFile, slicesOf } from "./snapshot-lines.ts";

export async function writeSnapshotFile({ path, key }: SnapshotFile, source: SnapshotSource): Promise<void> {
  const draft = `${path}.${process.pid}.draft`;
  try {
    const file = await open(draft, "w", 0o600);
    try {
      const hmac = createHmac("sha256", key);
      for (const text of slicesOf(source)) {
        hmac.update(text);
        await file.write(text);
        await pause();
      }
      await file.write(lastLine(hmac.digest("hex")));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
    await syncFolder(dirname(path));
  } catch (fault) {
    await rm(draft, { force: true });
    throw fault;
  }
}

/** The rename itself is on disk only when the folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
