// Damages the append-only file of a stopped node, as a crash or a failing disk does. Nothing else of its folder is touched.
import { open, readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { RedisServer } from "./redis-stack.ts";

const APPEND_ONLY_FOLDER = "appendonlydir";
/** Longer than any command of the service, so that a place where one ends and the next begins is among them. */
const FLIPPED_BYTES = 4_096;

/** `base` is what the last rewrite wrote, `growing` the commands since then. */
export type AppendOnlyPart = "base" | "growing";

/** Takes the last bytes of the growing file away. */
export async function cutAppendOnlyFile(node: RedisServer, bytes: number): Promise<void> {
  const path = await pathOf(node, "growing");
  await truncate(path, Math.max(0, (await stat(path)).size - bytes));
}

/** Flips bytes in the middle of a part, or all of a short one. */
export async function flipAppendOnlyFile(node: RedisServer, part: AppendOnlyPart): Promise<void> {
  const path = await pathOf(node, part);
  const { size } = await stat(path);
  const length = Math.min(size, FLIPPED_BYTES);
  const from = Math.floor((size - length) / 2);
  const file = await open(path, "r+");
  try {
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, from);
    await file.write(
      buffer.map((byte) => byte ^ 0xff),
      0,
      length,
      from,
    );
  } finally {
    await file.close();
  }
}

async function pathOf(node: RedisServer, part: AppendOnlyPart): Promise<string> {
  const folder = join(node.dataFolder, APPEND_ONLY_FOLDER);
  const ending = part === "base" ? ".base.rdb" : ".incr.aof";
  const name = (await readdir(folder)).findLast((each) => each.endsWith(ending));
  if (name === undefined) throw new Error(`${node.name} has no file ${ending} in ${folder}: set appendonly yes.`);
  return join(folder, name);
}
