// What take.lua leaves in the store: which keys, which bytes, and for how long. What it decides is in the conformance suite.
import { readFileSync } from "node:fs";
import { WINDOWS, type Window } from "@sluice/contract";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisNode, startRedis } from "../../test/redis.ts";
import { describeWithRedis } from "../../test/services.ts";
import { MAX_QUOTA_SUM } from "../limits/quota.ts";
import { periodsAt } from "../limits/quota-period.ts";
import { MAX_SUM } from "../limits/sliding-window.ts";
import type { Claim } from "./claim.ts";
import type { RedisCounters } from "./counters.redis.ts";
import type { Answered, TakeCheck } from "./counters.ts";
import { openRedisCounters } from "./counters.world.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 86_400 * SECOND_MS;
const noon = Date.parse("2026-11-22T12:00:00Z");
const DAY_LEFT_MS = DAY_MS / 2;
const MONTH_LEFT_MS = 8 * DAY_MS + DAY_LEFT_MS;
/** A test may take this long between a write and a look at the life that is left. */
const SLOWNESS_MS = 60_000;

/** Sets the sums of a tenant's own state to one below the greatest; 5 of the month are base. */
const FILL_ALL_BUT_ONE = `${readFileSync(new URL("state.lua", import.meta.url), "utf8")}
local read_state, pack_state = open_states(FORMAT, HEAD, HEAD_BYTES, OWN_BYTES)
local s = read_state(redis.call('GET', KEYS[1]), true)
s[4], s[7], s[10] = ${MAX_SUM - 1}, ${MAX_SUM - 1}, ${MAX_SUM - 1}
s[14], s[16], s[17] = ${MAX_QUOTA_SUM - 1}, 5, ${MAX_QUOTA_SUM - 6}
redis.call('SET', KEYS[1], pack_state(s, true), 'KEEPTTL')`;

describeWithRedis("what a take leaves in Redis", () => {
  let redis: RedisNode;
  const clock = { nowMs: noon };
  let counters: RedisCounters;
  let tenants = 0;
  beforeAll(async () => {
    redis = await startRedis();
    ({ counters } = await openRedisCounters([`${redis.host}:${redis.port}`], {
      clock: () => clock.nowMs,
      deadlineMs: 10_000,
    }));
  });
  afterAll(async () => {
    await counters.close();
    await redis.stop();
  });

  function newTenant(): string {
    clock.nowMs = noon;
    tenants += 1;
    return `t${tenants}`;
  }

  async function take(tenant: string, ...checks: readonly Partial<TakeCheck>[]): Promise<Answered> {
    return takeAskedAt(clock.nowMs, tenant, ...checks);
  }

  async function takeAskedAt(askedAtMs: number, tenant: string, ...checks: readonly Partial<TakeCheck>[]) {
    const taken = await counters.take({
      tenant,
      periods: periodsAt("UTC", askedAtMs),
      maxUsersPerDay: 1_000,
      checks: checks.map((check) => ({
        claims: [],
        user: "kim",
        cost: 1,
        requestId: null,
        usageApi: "ANY /**",
        ...check,
      })),
    });
    if (taken.kind === "unavailable") throw new Error(`the store was unavailable: ${taken.cause}`);
    return taken;
  }

  const keysOf = async (tenant: string) => (await redis.keys()).filter((key) => key.includes(`{${tenant}}`));
  const lifeMs = async (key: string) => Number(await redis.command("PTTL", key));

  /** Every key of the tenant that is kept, by its kind, with its bytes in hex; the life is not in it. */
  async function contents(tenant: string): Promise<Record<string, string>> {
    const script = `
      if redis.call('TYPE', KEYS[1]).ok == 'hash' then return cjson.encode(redis.call('HGETALL', KEYS[1])) end
      return (string.gsub(redis.call('GET', KEYS[1]), '.', function(c) return string.format('%02x', string.byte(c)) end))`;
    const held: Record<string, string> = {};
    for (const key of await keysOf(tenant)) {
      held[key.replace(`{${tenant}}`, "")] = String(await redis.command("EVAL", script, 1, key));
    }
    return held;
  }

  /** The life of a key is as long as it should be, but for the time the test took. */
  async function expectLife(key: string | undefined, expectedMs: number): Promise<void> {
    const leftMs = await lifeMs(key ?? "");
    expect(leftMs).toBeLessThanOrEqual(expectedMs);
    expect(leftMs).toBeGreaterThan(expectedMs - Math.min(SLOWNESS_MS, expectedMs / 2));
  }

  test.each([
    [["second"], 2 * MINUTE_MS],
    [["minute"], 2 * MINUTE_MS],
    [["second", "day"], 2 * DAY_MS],
    [["minute", "quotaDay"], DAY_LEFT_MS + 2 * DAY_MS],
    [[...WINDOWS], MONTH_LEFT_MS + 2 * DAY_MS],
  ] satisfies [Window[], number][])("a counter with the windows %j is kept for %d ms", async (windows, keptMs) => {
    const tenant = newTenant();
    await take(tenant, { claims: [claim("TENANT_API", windows)] });
    await expectLife(
      (await keysOf(tenant)).find((key) => key.includes(":a:")),
      keptMs,
    );
  });

  test("every key has a life: the tenant's own, a user's own, a request id and usage", async () => {
    const tenant = newTenant();
    await take(tenant, { claims: [claim("TENANT_USER_API", ["minute"])], requestId: "r1" });
    const keys = await keysOf(tenant);
    const find = (kind: string) => keys.find((key) => key.includes(`:${kind}:`));
    expect(keys).toHaveLength(5);
    await expectLife(`sl:{${tenant}}`, MONTH_LEFT_MS + 2 * DAY_MS);
    await expectLife(find("u"), DAY_LEFT_MS + 2 * DAY_MS);
    await expectLife(find("v"), 2 * MINUTE_MS);
    await expectLife(find("r"), MINUTE_MS);
    await expectLife(find("w"), 3 * DAY_MS);
  });

  test("the next month, opened by a clock that stepped back since, is kept until it is over", async () => {
    const tenant = newTenant();
    const claims = [claim("TENANT_API", ["month"])];
    clock.nowMs = Date.parse("2026-12-01T00:00:10Z");
    await take(tenant, { claims });
    clock.nowMs = Date.parse("2026-11-30T23:59:50Z");
    await take(tenant, { claims });
    const key = (await keysOf(tenant)).find((name) => name.includes(":a:")) ?? "";
    expect(await lifeMs(key)).toBeGreaterThan(31 * DAY_MS);
  });

  test("a day's usage is in one hash, whatever day its takes were asked for, and none is taken twice", async () => {
    const tenant = newTenant();
    const claims = [claim("TENANT", ["month"])];
    const midnight = Date.parse("2026-11-23T00:00:00Z");
    for (const askedAtMs of [midnight - 1, midnight, midnight - 1]) {
      clock.nowMs = midnight - 1;
      expect((await takeAskedAt(askedAtMs, tenant, { claims, cost: 2 })).dayLabel).toBe(20261122);
      clock.nowMs = midnight;
      expect((await takeAskedAt(askedAtMs, tenant, { claims, cost: 3 })).dayLabel).toBe(20261123);
    }
    const usage = Object.entries(await contents(tenant)).filter(([key]) => key.includes(":w:"));
    const byDay = usage.map(([key, held]) => [key.split(":").at(-1), JSON.parse(held)]).sort();
    expect(byDay).toEqual([
      ["20261122", ["20261122\nANY /**\nkim", "6"]],
      ["20261123", ["20261123\nANY /**\nkim", "9"]],
    ]);
  });

  test("what a failover forgot of a day is healed by a take that was asked for another", async () => {
    const tenant = newTenant();
    const midnight = Date.parse("2026-11-23T00:00:00Z");
    clock.nowMs = midnight - 1;
    await take(tenant, { cost: 5 });
    const hash = (await keysOf(tenant)).find((key) => key.includes(":w:")) ?? "";
    await redis.command("DEL", hash);
    await takeAskedAt(midnight, tenant, { cost: 2 });
    expect(await redis.command("HVALS", hash)).toEqual(["7"]);
  });

  test("a state that holds something of this day is rewritten in place, and its life is set anew by the next", async () => {
    const tenant = newTenant();
    const claims = [claim("TENANT", WINDOWS), claim("TENANT_API", ["minute", "day"])];
    await take(tenant, { claims });
    const keys = (await keysOf(tenant)).filter((key) => !key.includes(":w:"));
    for (const key of keys) await redis.command("PEXPIRE", key, 10 * MINUTE_MS);
    clock.nowMs += MINUTE_MS;
    await take(tenant, { claims });
    for (const key of keys) expect(await lifeMs(key)).toBeLessThanOrEqual(10 * MINUTE_MS);
    clock.nowMs += DAY_MS;
    await take(tenant, { claims });
    await expectLife(keys[0], MONTH_LEFT_MS - MINUTE_MS + DAY_MS);
    await expectLife(keys[1], 2 * DAY_MS);
  });

  test("a state of short windows alone lives on from bucket to bucket, a user's own key until the day is over", async () => {
    const tenant = newTenant();
    const claims = [claim("TENANT_API", ["minute"]), claim("TENANT_USER", ["second", "minute"])];
    await take(tenant, { claims });
    const keys = await keysOf(tenant);
    const api = keys.find((key) => key.includes(":a:")) ?? "";
    const user = keys.find((key) => key.includes(":u:")) ?? "";
    for (const key of [api, user]) await redis.command("PEXPIRE", key, MINUTE_MS);
    await take(tenant, { claims });
    expect(await lifeMs(api)).toBeLessThanOrEqual(MINUTE_MS);
    clock.nowMs += MINUTE_MS;
    await take(tenant, { claims });
    await expectLife(api, 2 * MINUTE_MS);
    await expectLife(user, DAY_LEFT_MS - MINUTE_MS + 2 * DAY_MS);
  });

  test("a window that is named no more does not keep a state of short windows from being renewed", async () => {
    const tenant = newTenant();
    await take(tenant, { claims: [claim("TENANT_API", ["minute", "day"])] });
    const api = (await keysOf(tenant)).find((key) => key.includes(":a:")) ?? "";
    clock.nowMs += 2 * DAY_MS - MINUTE_MS;
    await take(tenant, { claims: [] });
    await redis.command("PEXPIRE", api, MINUTE_MS);
    await take(tenant, { claims: [claim("TENANT_API", ["minute"])] });
    await expectLife(api, 2 * MINUTE_MS);
  });

  test("a refused check and a look leave every byte as it was, whichever way they go", async () => {
    const tenant = newTenant();
    const claims = [claim("TENANT", WINDOWS, 3), claim("TENANT_USER", ["minute"], 9)];
    await take(tenant, { claims, cost: 3 });
    const before = await contents(tenant);
    clock.nowMs += 10;
    const refused = { claims, requestId: "r" };
    const look = { claims, cost: 0 };
    for (const checks of [[refused], [look], [refused, look], [{ ...refused, user: "lee" }]]) {
      const { checks: answers } = await take(tenant, ...checks);
      expect(answers.map((check) => check.states[0]?.month.current.since)).toEqual(checks.map(() => 3));
      expect(await contents(tenant)).toEqual(before);
    }
  });

  test("sums are full at the same number either way, and a limit in shadow is never reached", async () => {
    const claims = [claim("TENANT", [], 1, WINDOWS)];
    const looks = [
      { claims, cost: 1 },
      { claims: [], cost: 0 },
    ];
    for (const checks of [looks.slice(0, 1), looks]) {
      const tenant = newTenant();
      await take(tenant, { claims });
      await redis.command("EVAL", FILL_ALL_BUT_ONE, 1, `sl:{${tenant}}`);
      for (let more = 0; more < 2; more += 1) {
        const [taken] = (await take(tenant, ...checks)).checks;
        expect(taken).toMatchObject({
          admitted: true,
          states: [{ minute: { current: MAX_SUM }, day: { current: MAX_SUM }, month: { current: { base: 5 } } }],
        });
        expect(taken?.states[0]?.quotaDay.current.since).toBe(MAX_QUOTA_SUM);
        expect(taken?.states[0]?.month.current.since).toBe(MAX_QUOTA_SUM - 5);
      }
    }
  });

  test("both ways through the script answer the same and leave the same bytes", async () => {
    const limits = fc.record({
      windows: fc.subarray([...WINDOWS], { minLength: 1 }),
      shadow: fc.subarray([...WINDOWS]),
      capacity: fc.integer({ min: 1, max: 12 }),
    });
    const steps = fc.array(
      fc.record({
        afterMs: fc.constantFrom(0, 1, 400, 1_000, 30_000, 61_000, DAY_LEFT_MS, -5, -1_500),
        cost: fc.integer({ min: 1, max: 4 }),
        scopes: fc.subarray(["TENANT", "TENANT_API", "TENANT_USER", "TENANT_USER_API"] as const, { minLength: 1 }),
        limits: fc.integer({ min: 0, max: 1 }),
      }),
      { minLength: 2, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(limits, { minLength: 2, maxLength: 2 }), steps, async (policies, story) => {
        const [short, long] = [newTenant(), newTenant()];
        for (const step of story) {
          clock.nowMs += step.afterMs;
          const { windows, shadow, capacity } = policies[step.limits] ?? { windows: [], shadow: [], capacity: 1 };
          const claims = step.scopes.map((scope) => claim(scope, windows, capacity, shadow));
          const answer = await take(short, { claims, cost: step.cost });
          // A second check, even one that has nothing to say, is none for the short way.
          const general = await take(long, { claims, cost: step.cost }, { claims: [], cost: 0 });
          expect(shown(answer)).toEqual(shown(general));
          expect(await contents(short)).toEqual(await contents(long));
        }
      }),
      { seed: 20261122, numRuns: 60 },
    );
  });
});

/** How a take's first check ended; the short way leaves out previous periods, where they cannot matter. */
function shown({ dayLabel, monthLabel, checks: [check] }: Answered) {
  const states = check?.states.map(({ second, minute, day, quotaDay, month }) => {
    return [second, minute, day, ...[quotaDay, month].map(({ current }) => current)];
  });
  return { dayLabel, monthLabel, admitted: check?.admitted, states };
}

function claim(
  scope: Claim["scope"],
  windows: readonly Window[],
  capacity = 1_000,
  shadow: readonly Window[] = [],
): Claim {
  const limit = (window: Window) => ({
    window,
    capacity,
    source: { policyId: "p", target: "TENANT" as const, scope },
  });
  const api = scope === "TENANT_API" || scope === "TENANT_USER_API" ? "GET /v1/**" : null;
  return { scope, api, enforced: windows.map(limit), shadow: shadow.map(limit) };
}
