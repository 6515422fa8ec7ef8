// What `doctor` looks at in a Redis Cluster as a whole, and which slots a node has open.
import { setTimeout as pause } from "node:timers/promises";
import { type ClusterNode, parseClusterNodes } from "../redis/cluster-nodes.ts";
import type { Connection } from "../redis/connections.redis.ts";
import { SLOT_COUNT } from "../redis/slot-list.ts";
import type { Finding } from "./finding.ts";

/** A slot that is being moved is open for milliseconds. One that stays open belongs to a move that was interrupted. */
const LONGEST_MOVE_MS = 5_000;
const LOOK_EVERY_MS = 250;

export function clusterFindings(nodes: readonly ClusterNode[]): Finding[] {
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

/** Takes as long as an open slot may be open, where there is one. Only the node itself lists its open slots. */
export async function openSlotsFinding(part: string, connection: Connection): Promise<Finding> {
  const deadline = performance.now() + LONGEST_MOVE_MS;
  const first = await openSlots(connection);
  let staying = first;
  while (staying.size > 0 && performance.now() < deadline) {
    await pause(LOOK_EVERY_MS);
    const open = await openSlots(connection);
    staying = new Map([...staying].filter(([slot, other]) => open.get(slot) === other));
  }
  if (staying.size === 0) {
    const detail = first.size === 0 ? "none" : "none for long; slots are being moved";
    return { part, check: "open slots", state: "ok", detail };
  }
  const slots = [...staying].map(([slot, other]) => `${slot} (${other})`).join(", ");
  const hint = "a tenant's scripts may fail there; go on with `sluice redis move-slots ... --resume`";
  const detail = `${slots} for more than ${LONGEST_MOVE_MS / 1_000} s: ${hint}`;
  return { part, check: "open slots", state: "fail", detail };
}

/** Each with where it goes or comes from. */
async function openSlots(connection: Connection): Promise<Map<number, string>> {
  const nodes = parseClusterNodes(String(await connection.command(["CLUSTER", "NODES"])));
  const self = nodes.find((node) => node.isMyself);
  return new Map([
    ...[...(self?.migrating ?? [])].map(([slot, id]) => [slot, `to ${id}`] as const),
    ...[...(self?.importing ?? [])].map(([slot, id]) => [slot, `from ${id}`] as const),
  ]);
}
