// What `doctor` looks at in Redis: every node of a cluster, or the single server.
// Needs no rights beyond PING, INFO, TIME, SCRIPT EXISTS and CLUSTER NODES|INFO: what a restricted user may ask.
import type { RedisConfig } from "@sluice/service/config-stores.ts";
import { SCRIPTS } from "@sluice/service/counters/scripts.redis.ts";
import { parseClusterNodes } from "../redis/cluster-nodes.ts";
import { type Connection, type Connections, openConnections } from "../redis/connections.redis.ts";
import { clusterFindings, openSlotsFinding } from "./cluster-findings.redis.ts";
import { type Finding, skewFinding, unreachable, versionFinding } from "./finding.ts";

const OLDEST_REDIS = "7.0";
const OLDEST_VALKEY = "7.2";

export async function findInRedis(redis: RedisConfig): Promise<Finding[]> {
  if (redis.kind === "embedded") {
    const detail = "no SLUICE_REDIS_URL: counters live in the process";
    return [{ part: "redis", check: "configured", state: "warn", detail }];
  }
  const connections = openConnections(redis);
  try {
    const seed = await connections.toAnySeed();
    const info = readInfo(await seed.command(["INFO", "cluster"]));
    if (info.get("cluster_enabled") === "1") return await findInCluster(seed, connections);
    return await findInServer(`redis ${seed.address}`, async () => seed, false);
  } catch (fault) {
    return [unreachable("redis", messageOf(fault))];
  } finally {
    connections.close();
  }
}

async function findInCluster(seed: Connection, connections: Connections): Promise<Finding[]> {
  const nodes = parseClusterNodes(String(await seed.command(["CLUSTER", "NODES"])));
  const seedHost = seed.address.slice(0, seed.address.lastIndexOf(":"));
  const perNode = nodes.map((node) => {
    const address = { host: node.hostname ?? (node.ip || seedHost), port: node.port };
    const part = `redis ${address.host}:${address.port}`;
    return findInServer(part, () => connections.to(address.host, address.port), true);
  });
  return [...clusterFindings(nodes), ...(await Promise.all(perNode)).flat()];
}

async function findInServer(
  part: string,
  connect: () => Promise<Connection>,
  isInCluster: boolean,
): Promise<Finding[]> {
  try {
    const connection = await connect();
    const sentMs = Date.now();
    const [seconds, microseconds] = (await connection.command(["TIME"])) as [string, string];
    const receivedMs = Date.now();
    const info = readInfo(await connection.command(["INFO"]));
    return [
      { part, check: "reachable", state: "ok", detail: `answers within ${receivedMs - sentMs} ms` },
      info.has("valkey_version")
        ? versionFinding(part, info.get("valkey_version") ?? "", OLDEST_VALKEY)
        : versionFinding(part, info.get("redis_version") ?? "", OLDEST_REDIS),
      evictionFinding(part, info.get("maxmemory_policy") ?? "unknown"),
      skewFinding(part, Number(seconds) * 1_000 + Number(microseconds) / 1_000, sentMs, receivedMs),
      // A replica has none: its master runs them.
      ...(info.get("role") === "master" ? [await scriptsFinding(part, connection)] : []),
      ...(isInCluster ? [await openSlotsFinding(part, connection)] : []),
    ];
  } catch (fault) {
    return [unreachable(part, messageOf(fault))];
  }
}

function evictionFinding(part: string, policy: string): Finding {
  const isFine = policy === "noeviction";
  const detail = isFine ? policy : `maxmemory-policy ${policy} resets counters silently; use noeviction`;
  return { part, check: "eviction", state: isFine ? "ok" : "fail", detail };
}

/** None is fine: a service loads them as it connects. Some are of a service of another release. */
async function scriptsFinding(part: string, connection: Connection): Promise<Finding> {
  const check = "scripts";
  try {
    const found = (await connection.command(["SCRIPT", "EXISTS", ...SCRIPTS.map(({ sha }) => sha)])) as number[];
    const loaded = found.filter((one) => one === 1).length;
    const detail = `${loaded} of ${SCRIPTS.length} loaded`;
    if (loaded === SCRIPTS.length) return { part, check, state: "ok", detail };
    if (loaded === 0) return { part, check, state: "ok", detail: `${detail}: a service loads them as it connects` };
    return { part, check, state: "warn", detail: `${detail}: services of another release run on it` };
  } catch (fault) {
    return { part, check, state: "warn", detail: `not asked: ${messageOf(fault)}` };
  }
}

function readInfo(reply: unknown): Map<string, string> {
  const lines = String(reply).split(/\r?\n/);
  return new Map(lines.flatMap((line) => (line.includes(":") ? [line.split(/:(.*)/s, 2) as [string, string]] : [])));
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
