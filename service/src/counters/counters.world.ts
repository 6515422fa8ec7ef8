// What the tests of the Redis counters share: a store over given seeds, one tenant's orders, and what was observed.
import { periodsAt } from "../limits/quota-period.ts";
import { Acknowledged } from "../usage/acknowledged.ts";
import type { Claim } from "./claim.ts";
import { type CountersObserver, RedisCounters, type RedisCountersOptions } from "./counters.redis.ts";
import type { Take, TakeCheck, UnavailableCause } from "./counters.ts";
import type { Coverage } from "./shards.redis.ts";

export type Observed = Readonly<{
  unavailable: UnavailableCause[];
  breaker: [string, boolean][];
  /** As the log has it. */
  told: string[];
  /** The last alone; none before the first look. */
  coverage: Coverage[];
  gaveBack: ("given_back" | "failed")[];
  rebased: number[];
}>;

export async function openRedisCounters(
  seeds: readonly string[],
  options: Partial<RedisCountersOptions> = {},
): Promise<{ counters: RedisCounters; observed: Observed }> {
  const observed: Observed = { unavailable: [], breaker: [], coverage: [], told: [], gaveBack: [], rebased: [] };
  const observer: CountersObserver = {
    replied: () => undefined,
    unavailable: (cause) => observed.unavailable.push(cause),
    rebased: (buckets) => observed.rebased.push(buckets),
    stalled: () => undefined,
    breaker: (node, open) => observed.breaker.push([node, open]),
    away: (node, because) => observed.told.push(`${node} away: ${because}`),
    back: (node) => observed.told.push(`${node} back`),
    looked: (coverage) => observed.coverage.splice(0, 1, coverage),
    gaveBack: (outcome) => observed.gaveBack.push(outcome),
  };
  const counters = new RedisCounters({
    seeds,
    access: { tls: null },
    keyPrefix: "sl:",
    idSecret: "test",
    deadlineMs: 8,
    acknowledged: new Acknowledged(),
    observer,
    ...options,
  });
  await counters.start();
  return { counters, observed };
}

const SOURCE = { policyId: "p", target: "TENANT", scope: "TENANT" } as const;

/** A tenant's month, the window that outlives every test. */
export const MONTH_OF_1000: Claim = {
  scope: "TENANT",
  api: null,
  enforced: [{ window: "month", capacity: 1_000, source: SOURCE }],
  shadow: [],
};

export function orderOf(tenant: string, nowMs: number, check: Partial<TakeCheck> = {}): Take {
  const asked = { claims: [MONTH_OF_1000], user: "", cost: 1, requestId: null, usageApi: "ANY /**", ...check };
  return { tenant, periods: periodsAt("UTC", nowMs), maxUsersPerDay: 10, checks: [asked] };
}

/** What the tenant's month holds, read by a look. */
export async function monthUsed(counters: RedisCounters, tenant: string): Promise<number> {
  const looked = await counters.take(orderOf(tenant, counters.nowMs(), { cost: 0 }));
  if (looked.kind !== "answered") throw new Error(`the look was not answered: ${looked.cause}`);
  const month = looked.checks[0]?.states[0]?.month.current;
  return (month?.base ?? 0) + (month?.since ?? 0);
}
