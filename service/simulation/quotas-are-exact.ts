// I3: each quota counter in the store against the rows and corrections of its period, and against what was charged.
import { charged } from "./charged.ts";
import { type CheckRecord, isCharged } from "./journal.ts";
import { counterName } from "./names.ts";
import { sumsOf } from "./statements/sums.ts";
import { TENANTS, USERS } from "./tenants.ts";
import type { World } from "./world.ts";

/** The least travel of several answers; a process that has just started knows few. */
const CLOCK_BEHIND_MS = 20;
/** Of a clock that was set, twice: the furthest that plan.ts sets it to. */
const SET_OFF_MS = [-180_000, 10_000];

type Window = "quotaDay" | "month";
type Counter = Readonly<{ tenant: string; user: string | null; window: Window; label: number }>;
type Used = Readonly<{ counter: Counter; used: number; written: number }>;

export function quotasAreExact(world: World): string[] {
  return TENANTS.flatMap((tenant) => countersOf(world, tenant).flatMap((used) => faultsOf(world, used)));
}

/** What was never taken from since it was lost begins with its first take. */
function countersOf(world: World, tenant: string): Used[] {
  const redis = world.shards[world.shardOf(tenant)]?.redis;
  const own = redis?.counterAt(world.keys.tenant(tenant)) ?? null;
  if (redis === undefined || own === null || own.generation === 0) return [];
  const usedOf = (user: string | null, window: Window): Used => {
    const { label } = own.state[window].current;
    const scope = user === null ? "TENANT" : "TENANT_USER";
    const stored = redis.counterAt(counterName(world.keys, tenant, { scope, api: null }, user ?? ""));
    const entry = stored?.state[window].current;
    const asked = { tenant, window, label, dayLabel: 0, generation: own.generation };
    const sum = sumsOf(world.database.state, asked).find((one) => one.scope === scope && one.user === user);
    return {
      counter: { tenant, user, window, label },
      used: entry?.label === label ? entry.base + entry.since : 0,
      written: sum?.usedAtLeast ?? 0,
    };
  };
  return [usedOf(null, "quotaDay"), usedOf(null, "month"), ...USERS.map((user) => usedOf(user, "quotaDay"))];
}

function faultsOf(world: World, { counter, used, written }: Used): string[] {
  const name = `I3: ${counter.tenant} ${counter.user ?? ""} ${counter.window} ${counter.label}`;
  const unseen = maybeNotSeen(world, counter);
  if (used < written - unseen) return [`${name} has ${used} used, written down are ${written}`];
  const least = leastUsed(world, counter);
  if (used < least) return [`${name} has ${used} used, at least ${least} was charged`];
  const most = mostUsed(world, counter);
  return used <= most ? [] : [`${name} has ${used} used, at most ${most} was charged`];
}

/** A database that was set back does not know grants any more, and the store does. A reset may have been of anything. */
function maybeNotSeen(world: World, counter: Counter): number {
  return world.journal.databaseWasSetBack ? cutsOf(world, counter) : 0;
}

/**
 * Of its period. Where one ended, a clock that was set may have said another; the Fallback asks that of either shard, and
 * what a process thinks that the clock says is behind it by as long as an answer took.
 */
function leastUsed(world: World, counter: Counter): number {
  const isOfPeriodBy = ({ askedAtMs }: CheckRecord, offMs: number) =>
    labelOf(counter, askedAtMs + offMs) === counter.label;
  const isSureOf = (record: CheckRecord) => SET_OFF_MS.every((offMs) => isOfPeriodBy(record, offMs));
  if (world.journal.unevenClocks.size > 0 && !world.journal.checks.every(isSureOf)) return 0;
  const isOfPeriod = (record: CheckRecord) => isOfPeriodBy(record, -CLOCK_BEHIND_MS);
  const isIn = (record: CheckRecord) => isOf(counter, record) && isOfPeriod(record);
  return charged(world, counter.tenant, isIn).least - cutsOf(world, counter);
}

/** A refused check that was not given back, or whose give-back the store forgot, is a charge too much: stricter, not looser. */
function mostUsed(world: World, counter: Counter): number {
  const { journal } = world;
  const isForgetful = journal.forgetfulShards.has(world.shardOf(counter.tenant));
  const isNotGivenBack = journal.failedGiveBacks > 0 || isForgetful;
  const refused = isNotGivenBack ? journal.cost((record) => isOf(counter, record) && !isCharged(record)) : 0;
  const added = correctionsOf(world, counter).reduce((sum, { amount }) => sum + Math.max(0, amount ?? 0), 0);
  return charged(world, counter.tenant, (record) => isOf(counter, record)).most + refused + added;
}

function cutsOf(world: World, counter: Counter): number {
  return correctionsOf(world, counter).reduce((sum, { amount }) => {
    return amount === null ? Number.POSITIVE_INFINITY : sum + Math.max(0, -amount);
  }, 0);
}

function correctionsOf({ journal }: World, { tenant, user }: Counter) {
  return journal.adjustments.filter((one) => one.tenant === tenant && one.user === user);
}

function isOf({ tenant, user }: Counter, { ask }: CheckRecord): boolean {
  return ask.tenant === tenant && (user === null || ask.user === user);
}

/** All tenants are in UTC. */
function labelOf({ window }: Counter, atMs: number): number {
  const digits = new Date(atMs).toISOString().replaceAll("-", "");
  return Number(digits.slice(0, window === "month" ? 6 : 8));
}
