// F10: append-only files are damaged while their nodes are down, and docs/runbooks/redis-append-only-file.md is followed with
// the script that it names. Cut off at its end a file loads, without what was cut; damaged in its middle the node refuses to
// start, its replica serves, and the node comes back empty, to copy from it; damaged on both nodes of a shard, an archive
// serves, and what it does not know of quotas comes from the instances and PostgreSQL.
import { execFile } from "node:child_process";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { waitFor } from "../../../service/test/wait.ts";
import { cutAppendOnlyFile, flipAppendOnlyFile } from "../../../stack/src/append-only-file.ts";
import type { RedisServer } from "../../../stack/src/redis-stack.ts";
import { applyRestore, restoreNode, runningPeer } from "../../../stack/src/restore-node.ts";
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, USAGE_EXACT } from "../lab/expectations.ts";
import type { Fault, World } from "../lab/fault.ts";
import { firstMaster, startStopped } from "./parts.ts";

const CLI = fileURLToPath(new URL("../../../cli/bin/sluice.mjs", import.meta.url));

const CUT_BYTES = 100;
/** What the cut takes from the quotas of a shard: one command, of the highest cost. */
const MOST_CUT = 5;
/** In the baseline, so that calls were counted before and after it was written. */
const ARCHIVED_AFTER_MS = 5_000;
/** What is written in the baseline of a run. */
const archives = new WeakMap<World, Promise<void>>();
const SNAPSHOT_INTERVAL_MS = 1_000;
/** A breaker that opened is closed, an instance has noticed, asked PostgreSQL and raised what it found. */
const RESTORED_MS = SNAPSHOT_INTERVAL_MS + 2_000;
/** As after a FLUSHALL (f09-flushed.ts): what was not flushed, and what came before the raise. */
const MOST_OVER = 240;
const SEEN_BY_PEER_MS = 10_000;

const NODES_STARTED = "starts with a damaged file";
const SOON_REPAIRED: Fault["expectations"][number] = {
  figure: "returnMs",
  atMost: 5_000,
  why: "the script, a start, a breaker closes, traffic ramps up",
};
const FAULTS_LEFT = "faults left after it";
const REFUSES: Fault["expectations"][number] = {
  figure: NODES_STARTED,
  atMost: 0,
  why: "a node must not serve from what it cannot read",
};

export const fileCut: Fault = {
  id: "F10a",
  name: "append-only file cut off",
  about:
    `A master and its replica are killed, and the last ${CUT_BYTES} bytes of both their files are cut off; ` +
    "`restore-node.sh cut-tail` on both, and they start.",
  faultMs: 6_000,
  recoveryMs: 10_000,
  inflict: async (world) => {
    const { master, replica, struck } = await shardOf(world);
    await Promise.all([master.kill(), replica.kill()]);
    for (const node of [master, replica]) await cutAppendOnlyFile(node, CUT_BYTES);
    return struck;
  },
  mend: async (world) => {
    const { redis } = world.stack;
    await Promise.all(stopped(world).map((node) => applyRestore(redis, ["cut-tail", node.dataFolder])));
    await startStopped(world);
  },
  expectations: [
    ...EVERY_FAULT,
    OTHERS_EXACT,
    SOON_REPAIRED,
    { figure: "quotaOverAdmission", atMost: MOST_CUT, why: "no more is forgotten than was cut off" },
  ],
};

export const fileFlipped: Fault = {
  id: "F10b",
  name: "append-only file damaged",
  about:
    "A master is killed and bytes in the middle of its file are flipped: it refuses to start. Its replica serves; " +
    "`restore-node.sh empty`, and the node starts as a replica that copies everything.",
  faultMs: 8_000,
  recoveryMs: 8_000,
  inflict: async (world) => {
    const { master, struck } = await shardOf(world);
    await master.kill();
    await flipAppendOnlyFile(master, "growing");
    await tellStarts(world, [master]);
    return struck;
  },
  mend: async (world) => {
    for (const node of stopped(world)) await emptyAndStart(world, node);
  },
  expectations: [
    ...EVERY_FAULT,
    OTHERS_EXACT,
    ...COUNTS_KEPT,
    REFUSES,
    { figure: "recoveryMs", atMost: 5_000, why: "the replica is promoted" },
  ],
};

export const bothFlipped: Fault = {
  id: "F10c",
  name: "append-only files of a shard damaged",
  about:
    "A master and its replica are killed, and both parts of both their append-only files are flipped: neither starts. " +
    `\`restore-node.sh from-archive\` brings the master back from a dump of the baseline, ` +
    `\`restore-node.sh empty\` the replica; usage is written every ${SNAPSHOT_INTERVAL_MS} ms.`,
  stack: { environment: { SLUICE_SNAPSHOT_INTERVAL_MS: String(SNAPSHOT_INTERVAL_MS) } },
  faultMs: 8_000,
  recoveryMs: 12_000,
  usage: true,
  prepare: async (world) => {
    const archived = archiveLater(world);
    // Whoever awaits it hears of a fault.
    archived.catch(() => undefined);
    archives.set(world, archived);
  },
  inflict: async (world) => {
    await archives.get(world);
    const { master, replica, struck } = await shardOf(world);
    await Promise.all([master.kill(), replica.kill()]);
    for (const node of [master, replica]) {
      await flipAppendOnlyFile(node, "base");
      await flipAppendOnlyFile(node, "growing");
    }
    await tellStarts(world, [master, replica]);
    return struck;
  },
  mend: async (world) => {
    const { redis } = world.stack;
    const { master, replica } = await stoppedShard(world);
    const peer = ["--peer", runningPeer(redis).address];
    await applyRestore(redis, ["from-archive", master.dataFolder, archiveOf(world), ...peer]);
    await master.start();
    await emptyAndStart(world, replica);
  },
  inspect: async (world) => world.tell(FAULTS_LEFT, await faultsFoundIn(world)),
  expectations: [
    ...EVERY_FAULT,
    ...USAGE_EXACT,
    OTHERS_EXACT,
    SOON_REPAIRED,
    REFUSES,
    { figure: FAULTS_LEFT, atMost: 0, why: "`sluice recover verify` finds scripts, slots, lives and quotas well" },
    { figure: "quotaReopenedMs", atMost: RESTORED_MS, why: "restored within one interval" },
    { figure: "quotaOverAdmission", atMost: MOST_OVER, why: "only what was not flushed, or came before the raise" },
  ],
};

async function shardOf(world: World) {
  const master = await firstMaster(world);
  return { master, replica: await world.stack.redis.replicaOf(master), struck: await world.tenantsOf(master) };
}

function stopped({ stack }: World): RedisServer[] {
  return stack.redis.nodes.filter((node) => !node.isRunning());
}

/** Told apart as an operator does. */
async function stoppedShard(world: World): Promise<{ master: RedisServer; replica: RedisServer }> {
  const nodes = await Promise.all(
    stopped(world).map(async (node) => {
      const { said } = await restoreNode(world.stack.redis, ["check", node.dataFolder]);
      return { node, wasMaster: said.includes("a master when it stopped") };
    }),
  );
  const master = nodes.find(({ wasMaster }) => wasMaster)?.node;
  const replica = nodes.find(({ wasMaster }) => !wasMaster)?.node;
  if (master === undefined || replica === undefined) throw new Error("No shard is down: start a new stack.");
  return { master, replica };
}

async function archiveLater(world: World): Promise<void> {
  await world.pause(ARCHIVED_AFTER_MS);
  const master = await firstMaster(world);
  await master.command("SAVE");
  await copyFile(join(master.dataFolder, "dump.rdb"), archiveOf(world));
}

function archiveOf({ stack }: World): string {
  return join(stack.folder, "archive.rdb");
}

async function tellStarts(world: World, nodes: readonly RedisServer[]): Promise<void> {
  const attempts = await Promise.allSettled(nodes.map((node) => node.start()));
  world.tell(NODES_STARTED, attempts.filter(({ status }) => status === "fulfilled").length);
}

/** As soon as a peer knows that another node serves the shard; the script refuses before. */
async function emptyAndStart({ stack: { redis } }: World, node: RedisServer): Promise<void> {
  const words = ["empty", node.dataFolder, "--peer", runningPeer(redis).address];
  const isServed = async () => (await restoreNode(redis, words)).exitCode === 0;
  await waitFor(`the shard of ${node.name} is served`, isServed, SEEN_BY_PEER_MS);
  await applyRestore(redis, words);
  await node.start();
}

async function faultsFoundIn({ stack }: World): Promise<number> {
  const env = {
    ...process.env,
    ...stack.redis.environmentOf("service"),
    SLUICE_DATABASE_URL: stack.postgres.url,
    SLUICE_ID_SECRET: stack.secrets.environment.SLUICE_ID_SECRET,
  };
  const words = ["recover", "verify", "--json"];
  // Its exit code says again what it found wrong.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, ...words], { env }).catch(
    (fault: { stdout: string; stderr: string }) => fault,
  );
  if (stdout === "") throw new Error(`sluice recover verify found nothing out: ${stderr}`);
  const { findings } = JSON.parse(stdout) as { findings: { state: string }[] };
  return findings.filter(({ state }) => state !== "ok").length;
}
