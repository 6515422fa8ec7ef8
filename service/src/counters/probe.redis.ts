// Asks a node, through the real script, whether it can take: a write on a reserved key in a slot that it owns.
// The reserved tenant is no valid tenant id, so a probe can never touch a customer's counter.
import { type Period, periodsAt } from "../limits/quota-period.ts";
import { UsageTotals } from "../usage/usage-totals.ts";
import type { Take } from "./counters.ts";
import type { Keys } from "./keys.ts";
import type { RedisNode } from "./node.redis.ts";
import { TAKE_SCRIPT } from "./scripts.redis.ts";
import type { Shards } from "./shards.redis.ts";
import { takeArguments } from "./take-arguments.ts";
import { slotOf } from "./topology.ts";

const ROW = new UsageTotals("probe").row("", "probe", "", 0, 1);

/** True when the node took within `deadlineMs`; a node that owns no slot has nothing to take and is good. */
export async function probeNode(node: RedisNode, shards: Shards, keys: Keys, deadlineMs: number): Promise<boolean> {
  const tenant = reservedTenantOf(node, shards);
  if (tenant === null) return true;
  const order = probeOf(tenant, node.clock.nowMs());
  const args = takeArguments(TAKE_SCRIPT.sha, order, {
    keys,
    day: wideDayOf(order),
    incarnation: "probe",
    clock: "",
    validUntilMs: Number.MAX_SAFE_INTEGER,
    shardToken: node.shardToken,
    rows: [ROW],
    overflowed: [false],
  });
  let timer: NodeJS.Timeout | undefined;
  // By way of the loop's check phase: what arrived while our own process stood still is read before it is called late.
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => setImmediate(() => resolve(false)), deadlineMs);
  });
  const took = node.send(args).then(
    (reply) => Buffer.isBuffer(reply), // anything else says why it did not take
    () => false,
  );
  return Promise.race([took, late]).finally(() => clearTimeout(timer));
}

function reservedTenantOf(node: RedisNode, shards: Shards): string | null {
  if (shards.slotOwnedBy(node) === null) return null;
  for (let number = 0; ; number += 1) {
    const tenant = `~probe${number}`;
    if (shards.ownerOf(slotOf(tenant)) === node) return tenant;
  }
}

/** Three days under one label: a node is good on either side of midnight. */
function wideDayOf({ periods }: Take): Period {
  const { previous, current, next } = periods.day;
  return { label: current.label, startMs: previous.startMs, endMs: next.endMs };
}

function probeOf(tenant: string, nowMs: number): Take {
  return {
    tenant,
    periods: periodsAt("UTC", nowMs),
    maxUsersPerDay: 1,
    checks: [{ claims: [], user: "", cost: 1, requestId: null, usageApi: "probe" }],
  };
}
