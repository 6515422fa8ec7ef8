// A real Redis Cluster of six nodes on 127.0.0.1: three masters with a third of the slots each, one replica for each.
//
// Promise: when `startCluster` returns, every node says cluster_state:ok, all agree on who owns what, and every replica
// is online. Masters are nodes[0..2]; nodes[3 + i] is the replica of nodes[i], until something fails over.
// About 2.5 s, of which 2 s are Redis's own: a new master refuses writes that long (CLUSTER_WRITABLE_DELAY).
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Certificates } from "./certificates.ts";
import { claimPort } from "./ports.ts";
import { type RedisNode, type RedisOptions, startRedis } from "./redis-node.ts";
import { waitFor } from "./wait.ts";

const MASTER_COUNT = 3;
const SLOT_COUNT = 16_384;
const FORM_TIMEOUT_MS = 20_000;

/** `folder` gets one for each node: `redis-1` to `redis-6`. */
export type ClusterOptions = Omit<RedisOptions, "place"> &
  Readonly<{
    tls?: Certificates;
    nodeTimeoutMs?: number;
    /** Of each node by its name; all on 127.0.0.1 when absent. */
    placeOf?: (name: string) => NonNullable<RedisOptions["place"]>;
  }>;

export type RedisCluster = Readonly<{
  nodes: readonly RedisNode[];
  /** Comma-separated seeds, all six. */
  url: string;
  /** The node that owns the slot now, as the first running node sees it. */
  ownerOfSlot: (slot: number) => Promise<RedisNode>;
  ownerOfKey: (key: string) => Promise<RedisNode>;
  slotOfKey: (key: string) => Promise<number>;
  /** The cluster's id of a node. */
  idOf: (node: RedisNode) => Promise<string>;
  /** Every key of every master, sorted. */
  keys: () => Promise<string[]>;
  /** Resolves when all running nodes say ok and agree on the owners of all slots. */
  settled: (timeoutMs?: number) => Promise<void>;
  stop: () => Promise<void>;
}>;

export async function startCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const started = await Promise.allSettled(
    Array.from({ length: MASTER_COUNT * 2 }, (_, index) => startNode(options, `redis-${index + 1}`)),
  );
  const nodes = started.flatMap((start) => (start.status === "fulfilled" ? [start.value.node] : []));
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    const failed = started.find((start) => start.status === "rejected");
    if (failed) throw failed.reason;
    await form(started.flatMap((start) => (start.status === "fulfilled" ? [start.value] : [])));
  } catch (fault) {
    await stop();
    throw fault;
  }
  return { ...cluster(nodes), stop };
}

type Member = Readonly<{ node: RedisNode; busPort: number }>;

async function startNode(options: ClusterOptions, name: string): Promise<Member> {
  const busPort = await claimPort();
  const own = options.folder === undefined ? {} : { folder: join(options.folder, name) };
  if (own.folder !== undefined) await mkdir(own.folder, { recursive: true, mode: 0o700 });
  const place = options.placeOf === undefined ? {} : { place: options.placeOf(name) };
  return {
    node: await startRedis({ ...options, ...own, ...place, args: clusterArguments(options, busPort) }),
    busPort,
  };
}

/** A configuration of its own says everything but the port of the bus, which the harness claims too. */
function clusterArguments(options: ClusterOptions, busPort: number): string[] {
  if (options.configuration) return ["--cluster-port", String(busPort), ...(options.args ?? [])];
  return ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", String(busPort)]
    .concat(["--cluster-node-timeout", String(options.nodeTimeoutMs ?? 1_500)])
    .concat(["--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0"])
    .concat(options.tls ? ["--tls-cluster", "yes"] : [])
    .concat(options.args ?? []);
}

async function form(members: readonly Member[]): Promise<void> {
  const nodes = members.map((member) => member.node);
  const masters = nodes.slice(0, MASTER_COUNT);
  await Promise.all(nodes.map((node, index) => node.command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)));
  await Promise.all(
    masters.map((master, index) => {
      const first = Math.ceil((index * SLOT_COUNT) / MASTER_COUNT);
      const last = Math.ceil(((index + 1) * SLOT_COUNT) / MASTER_COUNT) - 1;
      return master.command("CLUSTER", "ADDSLOTSRANGE", first, last);
    }),
  );
  // Everyone meets everyone: waiting for gossip to introduce them would take seconds.
  for (const [index, member] of members.entries()) {
    const others = nodes.slice(index + 1);
    await Promise.all(
      others.map((other) => other.command("CLUSTER", "MEET", member.node.host, member.node.port, member.busPort)),
    );
  }
  await Promise.all(masters.map((master, index) => follow(nodes[MASTER_COUNT + index], master)));
  await Promise.all(masters.map((master) => waitFor("replica online", () => hasReplica(master), FORM_TIMEOUT_MS)));
  await settled(nodes, FORM_TIMEOUT_MS);
}

async function follow(replica: RedisNode | undefined, master: RedisNode): Promise<void> {
  const masterId = String(await master.command("CLUSTER", "MYID"));
  await waitFor(
    `the replica on port ${replica?.port} follows the master on port ${master.port}`,
    async () => (await replica?.command("CLUSTER", "REPLICATE", masterId)) === "OK",
    FORM_TIMEOUT_MS,
  );
}

async function hasReplica(master: RedisNode): Promise<boolean> {
  return /slave0:.*state=online/.test(String(await master.command("INFO", "replication")));
}

async function settled(nodes: readonly RedisNode[], timeoutMs: number): Promise<void> {
  await waitFor(
    "every node says ok and all agree on slots",
    async () => {
      const running = nodes.filter((node) => node.isRunning());
      const states = await Promise.all(running.map(async (node) => String(await node.command("CLUSTER", "INFO"))));
      if (!states.every((state) => state.includes("cluster_state:ok") && state.includes(`slots_ok:${SLOT_COUNT}`)))
        return false;
      const views = await Promise.all(
        running.map(async (node) => slotOwners(String(await node.command("CLUSTER", "NODES")))),
      );
      return new Set(views).size === 1;
    },
    timeoutMs,
  );
}

/** `id role master slots` per node, sorted: equal texts mean equal views. */
function slotOwners(nodesText: string): string {
  return nodesText
    .trim()
    .split("\n")
    .map((line) => {
      const [id, , flags = "", master, , , , , ...slots] = line.trim().split(" ");
      return [id, flags.replace("myself,", ""), master, ...slots.filter((slot) => !slot.startsWith("["))].join(" ");
    })
    .toSorted()
    .join("\n");
}

function cluster(nodes: readonly RedisNode[]): Omit<RedisCluster, "stop"> {
  const anyRunning = () => {
    const node = nodes.find((candidate) => candidate.isRunning());
    if (!node) throw new Error("No node of the cluster is running.");
    return node;
  };
  const ownerOfSlot = async (slot: number) => {
    const ranges = (await anyRunning().command("CLUSTER", "SLOTS")) as [number, number, [string, number, string]][];
    const port = ranges.find(([first, last]) => slot >= first && slot <= last)?.[2][1];
    const owner = nodes.find((node) => node.port === port);
    if (!owner) throw new Error(`Slot ${slot} has no owner.`);
    return owner;
  };
  const slotOfKey = async (key: string) => Number(await anyRunning().command("CLUSTER", "KEYSLOT", key));
  const isMaster = async (node: RedisNode) => String(await node.command("INFO", "replication")).includes("role:master");
  return {
    nodes,
    url: nodes.map((node) => node.url).join(","),
    ownerOfSlot,
    ownerOfKey: async (key) => ownerOfSlot(await slotOfKey(key)),
    slotOfKey,
    idOf: async (node) => String(await node.command("CLUSTER", "MYID")),
    keys: async () => {
      const running = nodes.filter((node) => node.isRunning());
      const held = await Promise.all(running.map(async (node) => ((await isMaster(node)) ? node.keys() : [])));
      return held.flat().toSorted();
    },
    settled: (timeoutMs = FORM_TIMEOUT_MS) => settled(nodes, timeoutMs),
  };
}
