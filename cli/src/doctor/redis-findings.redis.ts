// What `doctor` looks at in Redis: every node of a cluster, or the single server.
// Needs no rights beyond PING, INFO, TIME and CLUSTER NODES|INFO: what a restricted user may ask.
import type { RedisConfig } from "@sluice/service/config-stores.ts";
import { type ClusterNode, parseClusterNodes } from "../redis/cluster-nodes.ts";
import { type Connection, type Connections, openConnections } from "../redis/connections.redis.ts";
import { SLOT_COUNT } from "../redis/slot-list.ts";
import { type Finding, skewFinding, unreachable, versionFinding } from "./finding.ts";

const OLDEST_REDIS = "7.0";
const OLDEST_VALKEY = "7.2";

export async function findInRedis(redis: RedisConfig): Promise<Finding[]> {
  if (redis.kind === "embedded") {
    return [
      {
        part: "redis",
        check: "configured",
        state: "warn",
        detail: "no SLUICE_REDIS_URL: counters live in the process",
      },
    ];
  }
  const connections = openConnections(redis);
  try {
    const seed = await connections.toAnySeed();
    const info = readInfo(await seed.command(["INFO", "cluster"]));
    if (info.get("cluster_enabled") !== "1") return await findInServer(`redis ${seed.address}`, async () => seed);
    return await findInCluster(seed, connections);
  } catch (fault) {
    return [unreachable("redis", messageOf(fault))];
  } finally {
    connections.close();
  }
}

async function findInCluster(seed: Connection, connections: Connections): Promise<Finding[]> {
  const nodes = parseClusterNodes(String(await seed.command(["CLUSTER", "NODES"])));
  const seedHost = seed.address.slice(0, seed.address.lastIndexOf(":"));
  const perNode = nodes.map(async (node) => {
    const address = { host: node.hostname ?? (node.ip || seedHost), port: node.port };
    const part = `redis ${address.host}:${address.port}`;
    const findings = await findInServer(part, () => connections.to(address.host, address.port));
    const open = await openSlotsFinding(part, () => connections.to(address.host, address.port));
    return [...findings, ...open];
  });
  return [...clusterFindings(nodes), ...(await Promise.all(perNode)).flat()];
}

function clusterFindings(nodes: readonly ClusterNode[]): Finding[] {
  const part = "redis cluster";
  const masters = nodes.filter((node) => node.isMaster && node.slotRanges.length > 0);
  const covered = masters.flatMap((node) => node.slotRanges).reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const alone = masters.filter(({ id }) => !nodes.some((node) => node.masterId === id && !node.isFailing));
  const failing = nodes.filter((node) => node.isFailing);
  const names = (some: readonly ClusterNode[]) => some.map(({ ip, port }) => `${ip}:${port}`).join(", ");
  return [
    {
      part,
      check: "slots",
      state: covered === SLOT_COUNT ? "ok" : "fail",
      detail: `${covered} of ${SLOT_COUNT} slots have an owner`,
    },
    {
      part,
      check: "replicas",
      state: alone.length === 0 ? "ok" : "warn",
      detail: alone.length === 0 ? `all ${masters.length} masters have one` : `none for ${names(alone)}`,
    },
    {
      part,
      check: "nodes",
      state: failing.length === 0 ? "ok" : "fail",
      detail: failing.length === 0 ? `${nodes.length}, none failing` : `failing: ${names(failing)}`,
    },
  ];
}

async function findInServer(part: string, connect: () => Promise<Connection>): Promise<Finding[]> {
  try {
    const connection = await connect();
    const sentMs = Date.now();
    const [seconds, microseconds] = (await connection.command(["TIME"])) as [string, string];
    const receivedMs = Date.now();
    const info = readInfo(await connection.command(["INFO"]));
    const policy = info.get("maxmemory_policy") ?? "unknown";
    return [
      { part, check: "reachable", state: "ok", detail: `answers within ${receivedMs - sentMs} ms` },
      info.has("valkey_version")
        ? versionFinding(part, info.get("valkey_version") ?? "", OLDEST_VALKEY)
        : versionFinding(part, info.get("redis_version") ?? "", OLDEST_REDIS),
      {
        part,
        check: "eviction",
        state: policy === "noeviction" ? "ok" : "fail",
        detail:
          policy === "noeviction" ? policy : `maxmemory-policy ${policy} resets counters silently; use noeviction`,
      },
      skewFinding(part, Number(seconds) * 1_000 + Number(microseconds) / 1_000, sentMs, receivedMs),
    ];
  } catch (fault) {
    return [unreachable(part, messageOf(fault))];
  }
}

/** Only the node itself lists its open slots. Nothing is said of a node that cannot be reached: that is a finding already. */
async function openSlotsFinding(part: string, connect: () => Promise<Connection>): Promise<Finding[]> {
  const connection = await connect().catch(() => null);
  if (connection === null) return [];
  const nodes = parseClusterNodes(String(await connection.command(["CLUSTER", "NODES"])));
  const self = nodes.find((node) => node.isMyself);
  const open = [
    ...[...(self?.migrating ?? [])].map(([slot, id]) => `${slot} (to ${id})`),
    ...[...(self?.importing ?? [])].map(([slot, id]) => `${slot} (from ${id})`),
  ];
  const hint = "a tenant's scripts may fail there; go on with `sluice redis move-slots ... --resume`";
  return [
    {
      part,
      check: "open slots",
      state: open.length === 0 ? "ok" : "fail",
      detail: open.length === 0 ? "none" : `${open.join(", ")}: ${hint}`,
    },
  ];
}

function readInfo(reply: unknown): Map<string, string> {
  const lines = String(reply).split(/\r?\n/);
  return new Map(lines.flatMap((line) => (line.includes(":") ? [line.split(/:(.*)/s, 2) as [string, string]] : [])));
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
