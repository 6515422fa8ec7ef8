// F43, beside the matrix: every node saves in the background, again and again, while its memory is as full as it may become,
// 40 %. A fork copies the page tables of the whole process, which stands still meanwhile, and the child wants a core and the
// disk: whether cluster-node-timeout leaves room for that.
import { setTimeout as pause } from "node:timers/promises";
import { waitFor } from "../../../service/test/wait.ts";
import type { RedisServer } from "../../../stack/src/redis-stack.ts";
import { COUNTS_KEPT, EVERY_FAULT, RATES_HOLD } from "../lab/expectations.ts";
import type { Expectation, Fault, World } from "../lab/fault.ts";
import { everyTenant, mastersOf } from "./parts.ts";

const MEMORY_MIB = 2_048;
const FILLED = 0.4;
/** Of large values there need be few: a fork cares for pages, and not for what is in them. */
const VALUE_BYTES = 8_000;
const PLACE_BYTES = 8_192;
const VALUES_AT_ONCE = 2_000;
const FILL = `local value = string.rep('x', tonumber(ARGV[2]))
for number = ARGV[1] + 1, ARGV[1] + ARGV[3] do redis.call('SET', KEYS[1] .. number, value) end`;
const REPLICATED_MS = 4_000;
const ROUNDS = 2;
const SAVED_MS = 60_000;
const LOOK_EVERY_MS = 5;

const FULL: Expectation = { figure: "filledShare", atLeast: FILLED, why: "there is as much to fork as there may be" };
const FEW_BY_FALLBACK: Expectation = {
  figure: "fallbackStruck",
  atMost: 100,
  why: "only what is asked while its master forks",
};
const NO_ELECTION: Expectation = { figure: "elections", atMost: 0, why: "no node that saves is taken for dead" };
const NEVER_SILENT: Expectation = {
  figure: "longestSilenceMs",
  atMost: 375,
  why: "a quarter of cluster-node-timeout",
};
const SHORT_FORKS: Expectation = { figure: "longestForkMs", atMost: 200, why: "of that silence, Redis' own share" };

export const backgroundSaves: Fault = {
  id: "F43",
  name: "background saves",
  about:
    `Every node, ${FILLED * 100} % of its ${MEMORY_MIB / 1_024} GB in use, dumps its data and rewrites its append-only file in turn, ` +
    `${ROUNDS} times.`,
  stack: { redisConfig: { maxmemory: `${MEMORY_MIB}mb` } },
  faultMs: 10_000,
  recoveryMs: 4_000,
  prepare: async (world) => {
    for (const master of await mastersOf(world)) await fill(world, master);
    for (const node of world.stack.redis.nodes) await savesNothing(node);
  },
  inflict: async (world) => {
    const { nodes } = world.stack.redis;
    world.tell("filledShare", Math.min(...(await Promise.all(nodes.map(filledShareOf)))));
    const epochs = await Promise.all(nodes.map(epochOf));
    const silences = nodes.map((node) => watchSilence(node));
    const forksMs: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const node of nodes) forksMs.push(await saveBothWays(node));
    }
    world.tell("longestForkMs", Math.max(...forksMs));
    world.tell("longestSilenceMs", Math.max(...(await Promise.all(silences.map((end) => end())))));
    const epochsNow = await Promise.all(nodes.map(epochOf));
    world.tell("elections", Math.max(...epochsNow) - Math.max(...epochs));
    return everyTenant(world);
  },
  expectations: [
    ...EVERY_FAULT,
    ...COUNTS_KEPT,
    RATES_HOLD,
    FULL,
    FEW_BY_FALLBACK,
    NO_ELECTION,
    NEVER_SILENT,
    SHORT_FORKS,
  ],
};

/** The replica has it all when this resolves: as much at once as its master holds back for it at most would end its link. */
async function fill(world: World, master: RedisServer): Promise<void> {
  const [tenant] = await world.tenantsOf(master);
  if (tenant === undefined) throw new Error(`No tenant of the load is at ${master.address}: it has no slot to fill.`);
  const values = Math.ceil((MEMORY_MIB * 2 ** 20 * FILLED) / PLACE_BYTES);
  for (let written = 0; written < values; written += VALUES_AT_ONCE) {
    await master.command("EVAL", FILL, 1, `filler:{${tenant}}:`, written, VALUE_BYTES, VALUES_AT_ONCE);
    const replicas = await master.command("WAIT", 1, REPLICATED_MS);
    if (Number(replicas) < 1) throw new Error(`The replica of ${master.address} did not keep up with being filled.`);
  }
}

/** Returns the longer of the two forks, ms. */
async function saveBothWays(node: RedisServer): Promise<number> {
  const dumped = await forkMsOf(node, "BGSAVE", "rdb_bgsave_in_progress");
  return Math.max(dumped, await forkMsOf(node, "BGREWRITEAOF", "aof_rewrite_in_progress"));
}

/** Redis rewrites its files by itself, too. */
async function savesNothing(node: RedisServer): Promise<void> {
  const isIdle = async () => {
    const page = String(await node.command("INFO", "persistence"));
    return /^rdb_bgsave_in_progress:0/m.test(page) && /^aof_rewrite_in_progress:0/m.test(page);
  };
  await waitFor(`${node.name} saves nothing`, isIdle, SAVED_MS);
}

async function forkMsOf(node: RedisServer, command: string, inProgress: string): Promise<number> {
  await savesNothing(node);
  await node.command(command);
  await waitFor(
    `${node.name} has saved`,
    async () => (await infoOf(node, "persistence", inProgress)) === "0",
    SAVED_MS,
  );
  return Number(await infoOf(node, "stats", "latest_fork_usec")) / 1_000;
}

/** Asks the node all the time; returns how the watch is ended, which tells the longest that an answer took, ms; infinite = it never came. */
function watchSilence(node: RedisServer): () => Promise<number> {
  let isOver = false;
  const watched = (async () => {
    let longestMs = 0;
    while (!isOver) {
      const askedAtMs = performance.now();
      const answered = await node.command("PING").catch(() => null);
      if (answered === null) return Number.POSITIVE_INFINITY;
      longestMs = Math.max(longestMs, performance.now() - askedAtMs);
      await pause(LOOK_EVERY_MS);
    }
    return longestMs;
  })();
  return () => {
    isOver = true;
    return watched;
  };
}

async function filledShareOf(node: RedisServer): Promise<number> {
  const used = await infoOf(node, "memory", "used_memory");
  return Number(used) / Number(await infoOf(node, "memory", "maxmemory"));
}

async function epochOf(node: RedisServer): Promise<number> {
  return Number(/^cluster_current_epoch:(\d+)/m.exec(String(await node.command("CLUSTER", "INFO")))?.[1]);
}

async function infoOf(node: RedisServer, section: string, field: string): Promise<string | undefined> {
  return new RegExp(`^${field}:(.*?)\\r?$`, "m").exec(String(await node.command("INFO", section)))?.[1];
}
