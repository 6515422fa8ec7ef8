// F14: slots move to another master under load: by `sluice redis move-slots`, which nobody sees, and by redis-cli, which
// moves key by key with the slot open meanwhile.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { slotOf } from "@sluice/service/counters/topology.ts";
import type { RedisServer } from "../../../stack/src/redis-stack.ts";
import { COUNTS_KEPT, EVERY_FAULT, NO_FALLBACK, OTHERS_EXACT, RATES_HOLD } from "../lab/expectations.ts";
import type { Expectation, Fault, World } from "../lab/fault.ts";
import { mastersOf } from "./parts.ts";

const CLI = fileURLToPath(new URL("../../../cli/bin/sluice.mjs", import.meta.url));

const MIGRATE_TIMEOUT_MS = 1_000;
const NOT_MOVED = "tenants left behind";
const ALL_MOVED: Expectation = { figure: NOT_MOVED, atMost: 0, why: "there was something to notice" };

export const movedByUs: Fault = {
  id: "F14a",
  name: "slots moved by us",
  about: "The slots of one shard's tenants move to another master by `sluice redis move-slots`.",
  faultMs: 8_000,
  recoveryMs: 5_000,
  inflict: async (world) => {
    const { to, tenants } = await moveOf(world);
    const slots = tenants.map((tenant) => slotOf(tenant)).join(",");
    const env = { ...process.env, ...world.stack.redis.environmentOf("operator") };
    await promisify(execFile)(
      process.execPath,
      [CLI, "redis", "move-slots", "--to", to.address, "--slots", slots, "--json"],
      { env },
    );
    await tellNotMoved(world, to, tenants);
    return tenants;
  },
  expectations: [...EVERY_FAULT, ALL_MOVED, NO_FALLBACK, OTHERS_EXACT, ...COUNTS_KEPT, RATES_HOLD],
};

export const movedByRedis: Fault = {
  id: "F14b",
  name: "slots moved by hand",
  about: "The same slots move by the commands of Redis alone, key by key, as redis-cli does.",
  faultMs: 8_000,
  recoveryMs: 5_000,
  inflict: async (world) => {
    const { from, to, tenants } = await moveOf(world);
    const { SLUICE_REDIS_USERNAME: user = "", SLUICE_REDIS_PASSWORD: password = "" } =
      world.stack.redis.environmentOf("operator");
    for (const tenant of tenants) await moveKeyByKey(slotOf(tenant), from, to, [user, password]);
    await tellNotMoved(world, to, tenants);
    return tenants;
  },
  expectations: [...EVERY_FAULT, ALL_MOVED, OTHERS_EXACT, ...COUNTS_KEPT, RATES_HOLD],
};

async function moveOf(world: World) {
  const [from, to] = await mastersOf(world);
  if (from === undefined || to === undefined)
    throw new Error("The cluster has fewer than two masters: start a new one.");
  return { from, to, tenants: await world.tenantsOf(from) };
}

async function tellNotMoved({ stack, tell }: World, to: RedisServer, tenants: readonly string[]): Promise<void> {
  const owners = await Promise.all(tenants.map((tenant) => stack.redis.masterOf(tenant)));
  tell(NOT_MOVED, owners.filter((owner) => owner !== to).length);
}

async function moveKeyByKey(
  slot: number,
  from: RedisServer,
  to: RedisServer,
  credentials: readonly [string, string],
): Promise<void> {
  const [fromId, toId] = await Promise.all([from, to].map((node) => node.command("CLUSTER", "MYID")));
  const [host = "", port = ""] = to.address.split(":");
  await to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", String(fromId));
  await from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", String(toId));
  for (;;) {
    const keys = (await from.command("CLUSTER", "GETKEYSINSLOT", slot, 1)) as string[];
    const [key] = keys;
    if (key === undefined) break;
    await from.command("MIGRATE", host, port, key, 0, MIGRATE_TIMEOUT_MS, "AUTH2", ...credentials);
  }
  await to.command("CLUSTER", "SETSLOT", slot, "NODE", String(toId));
  await from.command("CLUSTER", "SETSLOT", slot, "NODE", String(toId));
}
