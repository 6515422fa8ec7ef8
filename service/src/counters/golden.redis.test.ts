// The golden histories of limits/vectors, played by take.lua on a real Redis, both ways through the script.
// Where a history is in shadow it says what would have been refused; the script takes it, and only sums are compared.
import { readFileSync } from "node:fs";
import type { Window } from "@sluice/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RedisNode, startRedis } from "../../test/redis.ts";
import { describeWithRedis } from "../../test/services.ts";
import { periodsAt } from "../limits/quota-period.ts";
import { windowRemaining, windowUsed } from "./admission.ts";
import type { Claim } from "./claim.ts";
import type { RedisCounters } from "./counters.redis.ts";
import { openRedisCounters } from "./counters.world.ts";

type Numbers = readonly [number, number, number];
type Step = Readonly<{ cost: number; admitted: boolean; used: number; remaining: number }>;
type History<S, Start> = Readonly<{ name: string; limit: number; shadow: boolean; start: Start; steps: readonly S[] }>;
type SlidingStep = Step & Readonly<{ nowMs: number; state: Numbers }>;
type SlidingHistory = History<SlidingStep, Numbers> & Readonly<{ window: "second" | "minute" | "day" }>;
type QuotaStep = Step & Readonly<{ label: number; newGeneration: boolean; current: Numbers; previous: Numbers }>;
type QuotaHistory = History<QuotaStep, Readonly<{ current: Numbers; previous: Numbers }>>;

const sliding = histories<SlidingHistory>("sliding-window.json");
const quotas = histories<QuotaHistory>("quota.json");

/** Where the numbers of a window begin in the flat list of state.lua; a quota's previous ones are six further. */
const PLACES = { second: 3, minute: 6, day: 9, quotaDay: 12, month: 15 };
const TO_PREVIOUS = 6;

/** Puts ARGV[2..4] into the state of KEYS[2] from place ARGV[1] on, in the generation of the tenant's own, KEYS[1]. */
const PUT = `${readFileSync(new URL("state.lua", import.meta.url), "utf8")}
local read_state, pack_state = open_states(FORMAT, HEAD, HEAD_BYTES, OWN_BYTES)
local tenant, s = read_state(redis.call('GET', KEYS[1]), true), read_state(redis.call('GET', KEYS[2]))
s[2] = tenant[2]
for i = 2, 4 do s[ARGV[1] + i - 2] = ARGV[i] + 0 end
redis.call('SET', KEYS[2], pack_state(s), 'PX', '600000')`;

const NEW_GENERATION = `${readFileSync(new URL("state.lua", import.meta.url), "utf8")}
local read_state, pack_state, _, adopt_generation = open_states(FORMAT, HEAD, HEAD_BYTES, OWN_BYTES)
local tenant = read_state(redis.call('GET', KEYS[1]), true)
adopt_generation(tenant, tenant[2] + 1)
redis.call('SET', KEYS[1], pack_state(tenant, true), 'KEEPTTL')`;

describeWithRedis("golden histories in Redis", () => {
  let redis: RedisNode;
  let counters: RedisCounters;
  const clock = { nowMs: 0 };
  let tenants = 0;
  beforeAll(async () => {
    redis = await startRedis();
    const seeds = [`${redis.host}:${redis.port}`];
    ({ counters } = await openRedisCounters(seeds, { clock: () => clock.nowMs, deadlineMs: 10_000 }));
  });
  afterAll(async () => {
    await counters.close();
    await redis.stop();
  });

  async function take(tenant: string, claims: readonly Claim[], cost: number, way: "short" | "long") {
    // A second check, even one that has nothing to say, is none for the short way.
    const check = { claims, user: "", cost, requestId: null, usageApi: "ANY /**" };
    const checks = way === "short" ? [check] : [check, { ...check, claims: [], cost: 0 }];
    const taken = await counters.take({ tenant, periods: periodsAt("UTC", clock.nowMs), maxUsersPerDay: 1, checks });
    if (taken.kind === "unavailable") throw new Error(`the store was unavailable: ${taken.cause}`);
    return taken;
  }

  /** A tenant whose one API counter holds these numbers in a window. */
  async function tenantWith(claim: Claim, places: readonly (readonly [number, Numbers])[]): Promise<string> {
    tenants += 1;
    const tenant = `g${tenants}`;
    await take(tenant, [], 1, "short");
    const shadow = { ...claim, enforced: [], shadow: [...claim.enforced, ...claim.shadow] };
    await take(tenant, [shadow], 1, "short");
    const key = (await redis.keys()).find((name) => name.startsWith(`sl:{${tenant}}:a:`)) ?? "";
    for (const [at, numbers] of places) {
      await redis.command("EVAL", PUT, 2, `sl:{${tenant}}`, key, at, ...numbers);
    }
    return tenant;
  }

  async function expectStep(way: "short" | "long", claim: Claim, limit: number, step: Step, tenant: string) {
    const taken = await take(tenant, [claim], step.cost, way);
    const check = taken.checks[0];
    const state = check?.states[0];
    const [window] = [...claim.enforced, ...claim.shadow].map((each) => each.window);
    if (check === undefined || state === undefined || window === undefined) throw new Error("a check without a state");
    const used = windowUsed(state, window, clock.nowMs, taken);
    const remaining = windowRemaining(state, window, limit, clock.nowMs, taken);
    const admitted = claim.enforced.length === 0 ? step.admitted : check.admitted;
    expect({ admitted, used, remaining }).toEqual({
      admitted: step.admitted,
      used: step.used,
      remaining: step.remaining,
    });
    return state;
  }

  describe.each(["short", "long"] as const)("the %s way", (way) => {
    test.each(sliding)("$window: $name", async ({ window, limit, shadow, start, steps }) => {
      const claim = claimOf(window, limit, shadow);
      clock.nowMs = steps[0]?.nowMs ?? 0;
      const tenant = await tenantWith(claim, [[PLACES[window], start]]);
      for (const step of steps) {
        clock.nowMs = step.nowMs;
        const state = await expectStep(way, claim, limit, step, tenant);
        const { bucket, current, previous } = state[window];
        expect([bucket, current, previous]).toEqual(step.state);
      }
    });

    test.each(quotas)("quota: $name", async ({ limit, shadow, start, steps }) => {
      const window = (steps[0]?.label ?? 0) > 1_000_000 ? "quotaDay" : "month";
      const claim = claimOf(window, limit, shadow);
      const at = PLACES[window];
      clock.nowMs = middleOf(steps[0]?.label ?? 0);
      const tenant = await tenantWith(claim, [
        [at, start.current],
        [at + TO_PREVIOUS, start.previous],
      ]);
      for (const step of steps) {
        clock.nowMs = middleOf(step.label);
        if (step.newGeneration) await redis.command("EVAL", NEW_GENERATION, 1, `sl:{${tenant}}`);
        const { current, previous } = (await expectStep(way, claim, limit, step, tenant))[window];
        expect([current.label, current.base, current.since]).toEqual(step.current);
        if (way === "long") expect([previous.label, previous.base, previous.since]).toEqual(step.previous);
      }
    });
  });
});

function histories<H>(file: string): readonly H[] {
  const text = readFileSync(new URL(`../limits/vectors/${file}`, import.meta.url), "utf8");
  return JSON.parse(text).histories;
}

function claimOf(window: Window, capacity: number, shadow: boolean): Claim {
  const source = { policyId: "p", target: "TENANT", scope: "TENANT_API" } as const;
  const limit = [{ window, capacity, source }];
  return { scope: "TENANT_API", api: "GET /v1/**", enforced: shadow ? [] : limit, shadow: shadow ? limit : [] };
}

/** An instant in a day such as 20261122, or in a month such as 202611. */
function middleOf(label: number): number {
  const text = String(label).padEnd(8, "15");
  return Date.parse(`${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 8)}T12:00:00Z`);
}
