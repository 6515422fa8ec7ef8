// F34: packets to and from Redis get lost or reordered, between its nodes, too. Whatever is late is answered by the Fallback
// at its deadline; nobody asks more often for it, and nothing is counted twice.
//
// Every node announces another loopback address, where proxies of the lab stand before its ports: so whoever learns of a node
// from the cluster, the service and the other nodes alike, comes through them.
import { waitFor } from "../../../service/test/wait.ts";
import type { RedisServer } from "../../../stack/src/redis-stack.ts";
import { COUNTS_KEPT, EVERY_FAULT, OTHERS_EXACT, RATES_HOLD, SOON_EXACT, USAGE_EXACT } from "../lab/expectations.ts";
import type { Fault, World } from "../lab/fault.ts";
import { seededRandom } from "../load/requests.ts";
import { type LossyProxy, startLossyProxy } from "./f34-lossy-proxy.ts";
import { GOOD_LINE, type Line } from "./f34-lossy-stream.ts";
import { everyTenant, mastersOf } from "./parts.ts";

const ANNOUNCED_HOST = "127.0.0.2";
const KNOWN_MS = 20_000;
const SEED = 34;
const CALLS = "calls of Redis per check";
const CONNECTIONS = "new connections per second";
const MOST_CALLS = 1.3;
/** Nine lines, of three instances to three masters; each is tried at most ten times a second. */
const MOST_CONNECTIONS = 30;

export const fewPacketsLost = packets("F34a", "1 % of packets lost", { lostShare: 0.01, reorderedShare: 0 });
export const manyPacketsLost = packets("F34b", "10 % of packets lost", { lostShare: 0.1, reorderedShare: 0 });
export const packetsReordered = packets("F34c", "packets reordered", { lostShare: 0, reorderedShare: 0.25 });

function packets(id: Fault["id"], name: string, bad: Line): Fault {
  let line = GOOD_LINE;
  let struck: Sample | null = null;
  return {
    id,
    name,
    about:
      "On all lines to and between nodes of Redis, as TCP shows it: pieces come late, and what is behind them waits.",
    faultMs: 10_000,
    recoveryMs: 8_000,
    usage: true,
    prepare: async (world) => {
      line = GOOD_LINE;
      await standBefore(world, () => line);
    },
    inflict: async (world) => {
      struck = await sample(world);
      line = bad;
      return everyTenant(world);
    },
    mend: async (world) => {
      const after = await sample(world);
      line = GOOD_LINE;
      if (struck === null) throw new Error("Nothing was inflicted: mend only what was.");
      world.tell(CALLS, rate(struck, after, "calls") / world.perSecond);
      world.tell(CONNECTIONS, rate(struck, after, "connections"));
    },
    expectations: [
      ...EVERY_FAULT,
      ...COUNTS_KEPT,
      RATES_HOLD,
      ...USAGE_EXACT,
      OTHERS_EXACT,
      SOON_EXACT,
      { figure: CALLS, atMost: MOST_CALLS, why: "what is late is not asked for again" },
      { figure: CONNECTIONS, atMost: MOST_CONNECTIONS, why: "nor do connections come and go in a storm" },
    ],
  };
}

/** Resolves when every instance comes through the proxies. */
async function standBefore(world: World, line: () => Line): Promise<void> {
  const random = seededRandom(SEED);
  const { stack } = world;
  const { nodes } = stack.redis;
  const doors = new Map<RedisServer, LossyProxy>();
  for (const node of nodes) {
    for (const port of await portsOf(node)) {
      const from = { host: ANNOUNCED_HOST, port };
      const proxy = await startLossyProxy({ from, to: { ...from, host: "127.0.0.1" }, line, random });
      world.atEnd(proxy.close);
      if (!doors.has(node)) doors.set(node, proxy);
    }
  }
  await Promise.all(nodes.map((node) => node.command("CONFIG", "SET", "cluster-announce-ip", ANNOUNCED_HOST)));
  await Promise.all(nodes.map((node) => waitFor(`${node.name} knows them all`, () => knowsAll(node), KNOWN_MS)));
  await stack.redis.settled();
  const masters = await mastersOf(world);
  const hasAll = (master: RedisServer) => (doors.get(master)?.connections() ?? 0) >= stack.instances.length;
  await waitFor("every instance comes through the proxies", () => masters.every(hasAll), KNOWN_MS);
}

/** Of clients, and of the other nodes. */
async function portsOf(node: RedisServer): Promise<number[]> {
  const view = String(await node.command("CLUSTER", "NODES"));
  const [, port = "", busPort = ""] = /:(\d+)@(\d+)[^\n]*myself/.exec(view) ?? [];
  return [Number(port), Number(busPort)];
}

async function knowsAll(node: RedisServer): Promise<boolean> {
  const lines = String(await node.command("CLUSTER", "NODES"))
    .trim()
    .split("\n");
  return lines.every((text) => text.includes(` ${ANNOUNCED_HOST}:`));
}

/** Since the nodes started, all of them together. */
type Sample = Readonly<{ atMs: number; calls: number; connections: number }>;

async function sample({ stack }: World): Promise<Sample> {
  const sum = async (section: string, field: RegExp) => {
    const pages = await Promise.all(stack.redis.nodes.map((node) => node.command("INFO", section)));
    return pages.reduce<number>((total, page) => total + Number(field.exec(String(page))?.[1] ?? 0), 0);
  };
  return {
    atMs: performance.now(),
    calls: await sum("commandstats", /cmdstat_evalsha:calls=(\d+)/),
    connections: await sum("stats", /total_connections_received:(\d+)/),
  };
}

function rate(from: Sample, to: Sample, of: "calls" | "connections"): number {
  return (to[of] - from[of]) / ((to.atMs - from.atMs) / 1_000);
}
