// What `recover verify` looks at in every master of a Redis: its slots, whether its scripts load, and the lives of its keys.
import { setTimeout as pause } from "node:timers/promises";
import type { RedisConfig } from "@sluice/service/config-stores.ts";
import { SCRIPTS } from "@sluice/service/counters/scripts.redis.ts";
import { clusterFindings } from "../doctor/cluster-findings.redis.ts";
import type { Finding } from "../doctor/finding.ts";
import { parseClusterNodes } from "../redis/cluster-nodes.ts";
import { type Connection, openConnections } from "../redis/connections.redis.ts";

const KEYS = "sl:*";
const SCANNED_AT_ONCE = 500;
/** Calls come first. A million keys take about half a minute. */
const PAUSE_MS = 5;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** How long a key may live at most, by the letter of its kind (service/src/counters/keys.ts); counters beside these. */
const LONGEST_MS: Readonly<Record<string, number>> = { r: MINUTE_MS, j: DAY_MS, w: 7 * DAY_MS };
/** A month, and two days beyond its end. */
const LONGEST_COUNTER_MS = 33 * DAY_MS;

export async function verifyKeys(
  redis: Extract<RedisConfig, { kind: "redis" }>,
  isRepairing: boolean,
  progress: (text: string) => void,
): Promise<Finding[]> {
  const connections = openConnections(redis);
  try {
    const seed = await connections.toAnySeed();
    const isCluster = String(await seed.command(["INFO", "cluster"])).includes("cluster_enabled:1");
    const nodes = isCluster ? parseClusterNodes(String(await seed.command(["CLUSTER", "NODES"]))) : [];
    const seedHost = seed.address.slice(0, seed.address.lastIndexOf(":"));
    const masters = nodes.filter(({ isMaster, slotRanges }) => isMaster && slotRanges.length > 0);
    const findings = isCluster ? clusterFindings(nodes).filter(({ check }) => check === "slots") : [];
    const owners = isCluster
      ? await Promise.all(masters.map(({ hostname, ip, port }) => connections.to(hostname ?? (ip || seedHost), port)))
      : [seed];
    for (const owner of owners) {
      findings.push(await scriptsFinding(owner));
      findings.push(await livesFinding(owner, isRepairing, progress));
    }
    return findings;
  } finally {
    connections.close();
  }
}

async function scriptsFinding(node: Connection): Promise<Finding> {
  const loaded = await Promise.all(SCRIPTS.map(({ text }) => node.command(["SCRIPT", "LOAD", text])));
  const isFine = SCRIPTS.every(({ sha }, i) => loaded[i] === sha);
  const detail = isFine ? `all ${SCRIPTS.length} load` : "a script is named otherwise there than here";
  return { part: `redis ${node.address}`, check: "scripts", state: isFine ? "ok" : "fail", detail };
}

async function livesFinding(
  node: Connection,
  isRepairing: boolean,
  progress: (text: string) => void,
): Promise<Finding> {
  let [cursor, keys, endless] = ["0", 0, 0];
  do {
    const page = (await node.command(["SCAN", cursor, "MATCH", KEYS, "COUNT", SCANNED_AT_ONCE])) as [string, string[]];
    cursor = page[0];
    const found = page[1];
    const lives = await node.pipeline(found.map((key) => ["PTTL", key]));
    const without = found.filter((_, i) => lives[i] === -1);
    // NX: a service may have given it a life in the meantime.
    if (isRepairing) await node.pipeline(without.map((key) => ["PEXPIRE", key, longestLifeMs(key), "NX"]));
    keys += found.length;
    endless += without.length;
    progress(`${node.address}: ${keys} keys`);
    await pause(PAUSE_MS);
  } while (cursor !== "0");
  const part = `redis ${node.address}`;
  if (endless === 0) return { part, check: "lives", state: "ok", detail: `all ${keys} keys have an end` };
  const detail = `${endless} of ${keys} keys had no end${isRepairing ? "; they were given one" : ""}`;
  return { part, check: "lives", state: isRepairing ? "ok" : "fail", detail };
}

function longestLifeMs(key: string): number {
  const kind = /\}:(\w):/.exec(key)?.[1] ?? "";
  return LONGEST_MS[kind] ?? LONGEST_COUNTER_MS;
}
