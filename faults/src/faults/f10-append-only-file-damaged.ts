// F10: the append-only file of a node is damaged while the node is down. Cut off at its end it loads, without what was cut;
// damaged in its middle the node refuses to start, its replica serves, and the node comes back empty, to copy from it.
import { open, readdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { RedisServer } from "../../../stack/src/redis-stack.ts";
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, SOON_EXACT } from "../lab/expectations.ts";
import type { Fault, World } from "../lab/fault.ts";
import { firstMaster, startStopped } from "./parts.ts";

const APPEND_ONLY_FOLDER = "appendonlydir";
const CUT_BYTES = 100;
const FLIPPED_BYTES = 64;
/** What the cut takes from the quotas of a shard: one command, of the highest cost. */
const MOST_CUT = 5;

export const fileCut: Fault = {
  id: "F10a",
  name: "append-only file cut off",
  about: `A master and its replica are killed, the last ${CUT_BYTES} bytes of both their files are cut off, and they start.`,
  faultMs: 6_000,
  recoveryMs: 10_000,
  inflict: async (world) => {
    const { master, replica, struck } = await shardOf(world);
    await Promise.all([master.kill(), replica.kill()]);
    for (const node of [master, replica]) await cut(node);
    return struck;
  },
  mend: startStopped,
  expectations: [
    ...EVERY_FAULT,
    OTHERS_EXACT,
    SOON_EXACT,
    { figure: "quotaOverAdmission", atMost: MOST_CUT, why: "no more is forgotten than was cut off" },
  ],
};

export const fileFlipped: Fault = {
  id: "F10b",
  name: "append-only file damaged",
  about:
    `A master is killed and ${FLIPPED_BYTES} bytes in the middle of its file are flipped: it refuses to start. Its replica ` +
    "serves; the damaged file is removed, and the node starts as a replica that copies everything.",
  faultMs: 8_000,
  recoveryMs: 8_000,
  inflict: async (world) => {
    const { master, struck } = await shardOf(world);
    await master.kill();
    await flip(master);
    const started = await master.start().then(
      () => 1,
      () => 0,
    );
    world.tell("starts with a damaged file", started);
    return struck;
  },
  mend: async (world) => {
    for (const node of world.stack.redis.nodes) {
      if (!node.isRunning()) await rm(join(node.dataFolder, APPEND_ONLY_FOLDER), { recursive: true });
    }
    await startStopped(world);
  },
  expectations: [
    ...EVERY_FAULT,
    OTHERS_EXACT,
    ...COUNTS_KEPT,
    { figure: "starts with a damaged file", atMost: 0, why: "a node must not serve from what it cannot read" },
    { figure: "recoveryMs", atMost: 5_000, why: "the replica is promoted" },
  ],
};

async function shardOf(world: World) {
  const master = await firstMaster(world);
  return { master, replica: await world.stack.redis.replicaOf(master), struck: await world.tenantsOf(master) };
}

async function cut(node: RedisServer): Promise<void> {
  const { path, size } = await growingFileOf(node);
  await truncate(path, Math.max(0, size - CUT_BYTES));
}

async function flip(node: RedisServer): Promise<void> {
  const { path, size } = await growingFileOf(node);
  const file = await open(path, "r+");
  try {
    const bytes = Buffer.alloc(FLIPPED_BYTES);
    const middle = Math.floor(size / 2);
    await file.read(bytes, 0, FLIPPED_BYTES, middle);
    await file.write(
      bytes.map((byte) => byte ^ 0xff),
      0,
      FLIPPED_BYTES,
      middle,
    );
  } finally {
    await file.close();
  }
}

/** The one that commands are appended to. */
async function growingFileOf(node: RedisServer): Promise<{ path: string; size: number }> {
  const folder = join(node.dataFolder, APPEND_ONLY_FOLDER);
  const name = (await readdir(folder))
    .filter((each) => each.endsWith(".incr.aof"))
    .toSorted()
    .at(-1);
  if (name === undefined) throw new Error(`${node.name} has no append-only file in ${folder}: set appendonly yes.`);
  const path = join(folder, name);
  const file = await open(path);
  try {
    return { path, size: (await file.stat()).size };
  } finally {
    await file.close();
  }
}
