// Finds in the store what processes left there of their usage: their hashes on every master, for whoever harvests the dead.
//
// Promise: every hash that is there from the first to the last moment is found; where that cannot be promised it throws: a
// master is away or does not answer, slots changed their owner meanwhile, a node started anew. Reading it again does no harm.
// Paced, so that takes between two pages wait for no more than one page; each page is asked of the node that has it.
// Not here: who is dead and what becomes of the totals (usage/harvest.job.ts), what is in a hash (take.lua).
import { setTimeout as pause } from "node:timers/promises";
import { type Keys, readUsageKey } from "./keys.ts";
import type { RedisNode } from "./node.redis.ts";
import type { Shards } from "./shards.redis.ts";
import { SLOTS } from "./topology.ts";

/** Keys looked at, or fields read, by one command: about a third of a millisecond of the node's time. */
const PAGE = 1_000;
const BETWEEN_PAGES_MS = 2;
const ANSWER_WITHIN_MS = 1_000;
/** What was harvested stays a day: a process that was only frozen still compares itself with it. */
const RUN_OUT_SECONDS = 86_400;
/** Tenants of our own, which no customer's id looks like: those of probes. */
const RESERVED = "~";

export type UsageHash = Readonly<{
  tenant: string;
  /** `<day label>\n<API>\n<user>` → total, absolute. At most as many as a process has rows. */
  fields: ReadonlyMap<string, number>;
  /** Its totals are safe elsewhere: it need not be kept for long. */
  letRunOut: () => Promise<void>;
}>;

export type UsageHashes = Readonly<{
  of: (incarnation: string) => AsyncIterable<UsageHash>;
  /** Everybody who left usage of real tenants. */
  incarnations: () => Promise<Set<string>>;
}>;

export function redisUsageHashes(shards: Shards, keys: Keys): UsageHashes {
  return {
    of: (incarnation) => hashesOf(shards, keys.usagePattern(incarnation)),
    incarnations: async () => {
      const found = new Set<string>();
      for await (const { key } of keysEverywhere(shards, keys.usagePattern(null))) {
        const { tenant, incarnation } = readUsageKey(key);
        if (!tenant.startsWith(RESERVED)) found.add(incarnation);
      }
      return found;
    },
  };
}

async function* hashesOf(shards: Shards, pattern: string): AsyncGenerator<UsageHash> {
  for await (const { node, key } of keysEverywhere(shards, pattern)) {
    const fields = await readHash(node, key);
    const letRunOut = async () => void (await ask(node, ["EXPIRE", key, String(RUN_OUT_SECONDS), "LT"]));
    if (fields.size > 0) yield { tenant: readUsageKey(key).tenant, fields, letRunOut };
  }
}

type Found = Readonly<{ node: RedisNode; key: string }>;

async function* keysEverywhere(shards: Shards, pattern: string): AsyncGenerator<Found> {
  const before = await ownersNow(shards);
  for (const node of new Set(before.map((owner) => owner.node))) {
    for await (const key of keysOn(node, pattern)) yield { node, key };
  }
  const after = await ownersNow(shards);
  const isSame = before.every(({ node, token }, slot) => node === after[slot]?.node && token === after[slot].token);
  if (!isSame) throw new Error("Slots changed their owner while usage was read: some of it may have been missed.");
}

type Owner = Readonly<{ node: RedisNode; token: number }>;

async function ownersNow(shards: Shards): Promise<Owner[]> {
  await shards.refresh();
  return Array.from({ length: SLOTS }, (_, slot) => {
    const node = shards.ownerOf(slot);
    if (node === null) throw new Error(`Slot ${slot} has no owner: usage in it cannot be read.`);
    if (!node.ready) throw new Error(`The node ${node.address} is away: usage on it cannot be read.`);
    return { node, token: node.shardToken };
  });
}

/** SCAN may name a key twice. */
async function* keysOn(node: RedisNode, pattern: string): AsyncGenerator<string> {
  let cursor = "0";
  do {
    const page = readPage(await ask(node, ["SCAN", cursor, "MATCH", pattern, "COUNT", String(PAGE)]));
    yield* page.items;
    cursor = page.cursor;
    await pause(BETWEEN_PAGES_MS);
  } while (cursor !== "0");
}

async function readHash(node: RedisNode, key: string): Promise<Map<string, number>> {
  const fields = new Map<string, number>();
  let cursor = "0";
  do {
    const page = readPage(await ask(node, ["HSCAN", key, cursor, "COUNT", String(PAGE)]));
    for (let i = 0; i + 1 < page.items.length; i += 2) fields.set(page.items[i] ?? "", Number(page.items[i + 1]));
    cursor = page.cursor;
    if (cursor !== "0") await pause(BETWEEN_PAGES_MS);
  } while (cursor !== "0");
  return fields;
}

function readPage(reply: unknown): Readonly<{ cursor: string; items: string[] }> {
  if (!Array.isArray(reply) || !Array.isArray(reply[1])) throw new TypeError("The reply of a scan has no such shape.");
  return { cursor: String(reply[0]), items: reply[1].map(String) };
}

/** Rejects when the node does not answer in time: a frozen one keeps its connection. */
async function ask(node: RedisNode, args: string[]): Promise<unknown> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`The node ${node.address} did not answer.`)), ANSWER_WITHIN_MS);
  try {
    return await Promise.race([node.send(args), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
