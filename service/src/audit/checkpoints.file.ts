// Checkpoints in a folder outside the database: one file a month, one line each, only ever appended to. Put the folder on
// storage that the database's administrators cannot write.
//
// Promise: a checkpoint is on disk when `append` resolves; a line cut short by a crash spoils no later one.
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseCheckpointLine, type SignedCheckpoint } from "./checkpoint.ts";

const FILE_ENDING = ".ndjson";
const NEWLINE = 10;

export async function appendToFolder(folder: string, checkpoint: SignedCheckpoint): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `checkpoints-${checkpoint.at.slice(0, "2026-11".length)}${FILE_ENDING}`);
  const file = await open(path, "a+", 0o600);
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    const separator = size > 0 && buffer[0] !== NEWLINE ? "\n" : "";
    await file.appendFile(`${separator}${JSON.stringify(checkpoint)}\n`);
    await file.sync();
    if (size === 0) await syncFolder(folder);
  } finally {
    await file.close();
  }
}

/** A new file is found after a power failure only when its folder is on disk too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export type ReadCheckpoints = Readonly<{ checkpoints: SignedCheckpoint[]; unreadableLines: number }>;

/** Of one file, or of every file of a folder; a collected log of the service will do. Rejects with ENOENT if none is there. */
export async function readCheckpoints(path: string): Promise<ReadCheckpoints> {
  const isFolder = (await stat(path)).isDirectory();
  const files = isFolder ? (await readdir(path)).filter((name) => name.endsWith(FILE_ENDING)).sort() : [null];
  const checkpoints: SignedCheckpoint[] = [];
  let unreadableLines = 0;
  for (const name of files) {
    const stream = createReadStream(name === null ? path : join(path, name));
    await once(stream, "open");
    for await (const line of createInterface({ input: stream })) {
      const checkpoint = parseCheckpointLine(line);
      if (checkpoint !== null) checkpoints.push(checkpoint);
      else if (line.trim() !== "") unreadableLines++;
    }
  }
  return { checkpoints, unreadableLines };
}
