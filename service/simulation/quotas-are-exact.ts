// I3: each quota counter in the store against the rows and corrections of its period, and against what was charged.
import type { QuotaSum } from "../src/usage/quota-sum.ts";
import { type CheckRecord, isCharged, isOfFallback } from "./journal.ts";
import { isSpared } from "./known-gaps.ts";
import { counterName } from "./names.ts";
import { sumsOf } from "./statements/sums.ts";
import { TENANTS } from "./tenants.ts";
import type { World } from "./world.ts";

type Counter = Readonly<{ tenant: string; user: string | null }>;

export function quotasAreExact(world: World): string[] {
  return TENANTS.flatMap((tenant) =>
    (["quotaDay", "month"] as const).flatMap((window) => faultsOf(world, tenant, window)),
  );
}

function faultsOf(world: World, tenant: string, window: "quotaDay" | "month"): string[] {
  const redis = world.shards[world.shardOf(tenant)]?.redis;
  const own = redis?.counterAt(world.keys.tenant(tenant)) ?? null;
  // What was never taken from since it was lost begins with its first take.
  if (redis === undefined || own === null || own.generation === 0) return [];
  const { label } = own.state[window].current;
  const sums = sumsOf(world.database.state, { tenant, window, label, dayLabel: 0, generation: own.generation });
  return sums.flatMap((sum) => {
    const stored = redis.counterAt(counterName(world.keys, tenant, sum, sum.user ?? ""));
    const entry = stored?.state[window].current;
    const used = entry?.label === label ? entry.base + entry.since : 0;
    return faultsOfCounter(world, sum, used);
  });
}

function faultsOfCounter(world: World, { asked, scope, user, usedAtLeast }: QuotaSum, used: number): string[] {
  const { tenant, window, label } = asked;
  const name = `I3: ${tenant} ${scope} ${user ?? ""} ${window} ${label}`;
  const least = usedAtLeast - maybeNotSeen(world, { tenant, user });
  if (used < least) return [`${name} has ${used} used, written down are ${usedAtLeast}`];
  const most = mostUsed(world, { tenant, user });
  return used <= most ? [] : [`${name} has ${used} used, at most ${most} was charged`];
}

/** A database that was set back does not know grants any more, and the store does. A reset may have been of anything. */
function maybeNotSeen(world: World, counter: Counter): number {
  const { journal } = world;
  const corrections = journal.adjustments.filter((one) => one.tenant === counter.tenant && one.user === counter.user);
  return corrections.reduce((sum, { amount }) => {
    if (amount === null) return Number.POSITIVE_INFINITY;
    if (amount > 0) return sum;
    return journal.databaseWasSetBack || isSpared("cutOffSince") ? sum - amount : sum;
  }, 0);
}

/** A refused check that was not given back, or whose give-back the store forgot, is a charge too much: stricter, not looser. */
function mostUsed(world: World, counter: Counter): number {
  const { journal } = world;
  const isForgetful = journal.forgetfulShards.has(world.shardOf(counter.tenant));
  const charged = costOf(world, counter, (record) => isCharged(record) || record.answer === null);
  const twice = costOf(world, counter, (record) => record.process.end !== null && isOfFallback(record));
  const refused =
    journal.failedGiveBacks > 0 || isForgetful ? costOf(world, counter, (record) => !isCharged(record)) : 0;
  const corrections = journal.adjustments.filter((one) => one.tenant === counter.tenant && one.user === counter.user);
  const added = corrections.reduce((sum, { amount }) => sum + Math.max(0, amount ?? 0), 0);
  return charged + twice + refused + added;
}

function costOf({ journal }: World, counter: Counter, fits: (record: CheckRecord) => boolean): number {
  return journal.cost((record) => isOf(counter, record.ask) && fits(record));
}

function isOf({ tenant, user }: Counter, ask: Readonly<{ tenant: string; user: string }>): boolean {
  return ask.tenant === tenant && (user === null || ask.user === user);
}
