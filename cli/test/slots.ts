// What the tests of moving slots share: keys to move, what a node holds of them, and how a slot stands.
import { expect } from "vitest";
import type { RedisCluster, RedisNode } from "../../service/test/redis.ts";
import { parseClusterNodes } from "../src/redis/cluster-nodes.ts";
import { type Connection, openConnections } from "../src/redis/connections.redis.ts";
import type { MoveSettings } from "../src/redis/slot-commands.redis.ts";
import { type Moved, moveSlot } from "../src/redis/slot-mover.redis.ts";

export type Journey = Readonly<{ slot: number; home: RedisNode; away: RedisNode }>;

/** The slot of a tag, the master that owns it, and another one. */
export async function journeyOf(cluster: RedisCluster, tag: string): Promise<Journey> {
  const slot = await cluster.slotOfKey(tag);
  const home = await cluster.ownerOfSlot(slot);
  return { slot, home, away: otherMaster(cluster, home) };
}

/** `withLateNotices`: what changes is told as late as it may be. */
export type Steps = Pick<MoveSettings, "onCopied" | "onOpened"> & Readonly<{ withLateNotices?: boolean }>;

/** Moves the slot without the command line, so that a test can step in between. */
export async function moveWith(
  cluster: RedisCluster,
  { slot, home, away }: Journey,
  { withLateNotices = false, ...steps }: Steps,
): Promise<Moved> {
  const connections = openConnections({ kind: "redis", seeds: [home], username: null, password: null, tls: null });
  const member = async (node: RedisNode) => ({
    id: await cluster.idOf(node),
    ip: node.host,
    port: node.port,
    connection: noticing(await connections.to(node.host, node.port), withLateNotices),
  });
  const others = cluster.nodes.slice(0, 3).filter((node) => node !== home && node !== away);
  try {
    const otherMasters = await Promise.all(others.map(member));
    const move = { slot, source: await member(home), target: await member(away), otherMasters };
    const credentials = { username: null, password: null };
    return await moveSlot(move, { targetTimeoutMs: 200, credentials, say: () => undefined, ...steps });
  } finally {
    connections.close();
  }
}

/** A connection whose notices of changes stay on their way until it is asked whether all have come. */
function noticing(connection: Connection, late: boolean): Connection {
  if (!late) return connection;
  const track = async (changed: (key: Buffer | null) => void) => {
    const onTheirWay: (Buffer | null)[] = [];
    const tracking = await connection.track((key) => void onTheirWay.push(key));
    const settled = async () => {
      await tracking.settled();
      for (const key of onTheirWay.splice(0)) changed(key);
    };
    return { ...tracking, settled };
  };
  return { ...connection, track };
}

/** Keys of arbitrary bytes, each with a value and a TTL of its own. */
export async function fill(node: RedisNode, tag: string, keyCount: number): Promise<void> {
  const script = `for i = 1, tonumber(ARGV[1]) do
    redis.call('SET', KEYS[1] .. string.char(0, 255, i % 256) .. i, string.rep(i, 20), 'PX', 3600000 + 60000 * i)
  end`;
  await node.command("EVAL", script, 1, `{${tag}}`, keyCount);
}

export type Contents = Readonly<{ count: number; digest: string; expiriesMs: readonly number[] }>;

/** How many keys of the tag the node holds, a digest of names and values, and when each expires. */
export async function contents(node: RedisNode, tag: string): Promise<Contents> {
  const script = `local keys = redis.call('KEYS', ARGV[1] .. '*'); table.sort(keys); local all, expiries = {}, {}
    for _, key in ipairs(keys) do
      table.insert(all, key .. redis.call('GET', key)); table.insert(expiries, redis.call('PEXPIRETIME', key))
    end
    return { #keys, redis.sha1hex(table.concat(all)), expiries }`;
  const [count, digest, expiriesMs] = (await node.command("EVAL", script, 0, `{${tag}}`)) as [number, string, number[]];
  return { count, digest, expiriesMs };
}

/** MIGRATE sends the time left, not the instant: an expiry moves by the time of the journey. */
const MAX_JOURNEY_MS = 10_000;

export function expectSame(after: Contents, before: Contents): void {
  expect([after.count, after.digest]).toEqual([before.count, before.digest]);
  const shiftsMs = after.expiriesMs.map((expiryMs, index) => expiryMs - (before.expiriesMs[index] ?? 0));
  expect(shiftsMs.filter((shiftMs) => shiftMs < 0 || shiftMs > MAX_JOURNEY_MS)).toEqual([]);
}

/** Every owner that any node names for the slot, by port. */
export async function ownersOf(cluster: RedisCluster, slot: number): Promise<number[]> {
  await cluster.settled();
  const owners = await Promise.all(
    cluster.nodes.map(async (node) => {
      const view = parseClusterNodes(String(await node.command("CLUSTER", "NODES")));
      return (
        view.find(({ slotRanges }) => slotRanges.some(([first, last]) => slot >= first && slot <= last))?.port ?? 0
      );
    }),
  );
  return [...new Set(owners)];
}

export async function openSlots(cluster: RedisCluster): Promise<number[]> {
  const open = await Promise.all(
    cluster.nodes.map(async (node) => {
      const self = parseClusterNodes(String(await node.command("CLUSTER", "NODES"))).find(({ isMyself }) => isMyself);
      return [...(self?.migrating.keys() ?? []), ...(self?.importing.keys() ?? [])];
    }),
  );
  return [...new Set(open.flat())];
}

export function otherMaster(cluster: RedisCluster, home: RedisNode): RedisNode {
  const other = cluster.nodes.slice(0, 3).find((node) => node !== home);
  if (!other) throw new Error("The cluster has one master only.");
  return other;
}

export function address(node: RedisNode | undefined): string {
  return `${node?.host}:${node?.port}`;
}
