import { expect, test } from "vitest";
import { MemoryCounters } from "../counters/counters.memory.ts";
import { type Counters, OVERFLOW_USER, type Unavailable } from "../counters/counters.ts";
import type { Policy } from "../policies/policy.ts";
import { ACME, FREE, NOW_MS, policy, tenant } from "../policies/resolve.world.ts";
import { MAX_UNMATCHED } from "./contest.ts";
import { explanationsAgree } from "./explain.conformance.ts";
import { openExplainWorld, type WorldOptions } from "./explain.world.ts";

const clock = () => NOW_MS;
const worldOf = (options: WorldOptions = {}) => openExplainWorld(new MemoryCounters(clock), options);
const minute = (perMinute: number) => ({ limits: { perMinute } });
const valid = { validFromMs: NOW_MS - 1_000, validUntilMs: NOW_MS + 1_000 };
const PLAN = { name: "FREE", limits: { perMinute: 200 } };

/** `SCOPE window: winner=limit | loser=limit WHY segment ...`, a line per field. */
async function linesOf(policies: readonly Policy[], options: WorldOptions = {}): Promise<string[]> {
  const world = await worldOf({ policies, ...options });
  const { fields } = await world.explain();
  return fields.map(({ scope, window, winner, losers }) => {
    const lost = losers.map(({ policyId, limit, why, segment }) => `${policyId}=${limit} ${why}${segment ?? ""}`);
    return [`${scope} ${window}: ${winner ? `${winner.policyId}=${winner.limit}` : "nobody"}`, ...lost].join(" | ");
  });
}

test.each([
  ["TARGET_LESS_SPECIFIC", policy("loser", { api: "GET /v1/a/b", target: FREE, ...minute(2) })],
  ["OVERRIDE_GOES_FIRST", policy("loser", { api: "GET /v1/a/b", target: ACME, ...minute(2) })],
])("a loser says that %s", async (why, loser) => {
  const winner = policy("winner", { target: ACME, validity: valid, ...minute(1) });
  expect(await linesOf([loser, winner])).toEqual([`TENANT_API minute: winner=1 | loser=2 ${why}`]);
});

test.each([
  ["PATTERN_LESS_SPECIFIC2", "GET /v1/*/b"],
  ["PATTERN_LESS_SPECIFIC3", "GET /v1/a/*"],
  ["PATTERN_LESS_SPECIFIC3", "GET /v1/a/**"],
  ["PATTERN_LESS_SPECIFIC4", "GET /v1/a/b/**"],
  ["PATTERN_LESS_SPECIFIC1", "GET /**"],
  ["METHOD_ANY", "ANY /v1/a/b"],
])("a loser says that %s: %s", async (why, api) => {
  const policies = [policy("loser", { api, ...minute(2) }), policy("winner", { api: "GET /v1/a/b", ...minute(1) })];
  expect(await linesOf(policies)).toEqual([`TENANT_API minute: winner=1 | loser=2 ${why}`]);
});

test.each([
  ["2 DISABLED", { enabled: false, ...minute(2) }],
  ["2 NOT_YET_VALID", { validity: { ...valid, validFromMs: NOW_MS + 1 }, ...minute(2) }],
  ["2 NO_LONGER_VALID", { validity: { ...valid, validUntilMs: NOW_MS }, ...minute(2) }],
  ["2 SHADOW", { enforcement: "SHADOW" as const, ...minute(2) }],
  ["null FIELD_NOT_SET", { limits: { perMinute: null, perDay: null } }],
])("a more specific policy of the scope loses by %s", async (why, written) => {
  const policies = [policy("loser", { api: "GET /v1/a/b", ...written }), policy("winner", minute(1))];
  expect(await linesOf(policies)).toEqual([`TENANT_API minute: winner=1 | loser=${why}`]);
});

test("of overrides alike the later start goes first, then the smaller id", async () => {
  const policies = [
    policy("c", { validity: { ...valid, validFromMs: NOW_MS - 2_000 }, ...minute(3) }),
    policy("b", { validity: valid, ...minute(2) }),
    policy("a", { validity: valid, ...minute(1) }),
  ];
  expect(await linesOf(policies)).toEqual(["TENANT_API minute: a=1 | b=2 LATER_ID | c=3 STARTED_EARLIER"]);
});

test("the plan's own limits come last in scope TENANT, and win what nobody else sets", async () => {
  const policies = [policy("tenant", { scope: "TENANT", limits: { perMinute: -1 } })];
  const plans = [{ name: "FREE", limits: { perMinute: 200, perDay: 0 } }];
  expect(await linesOf(policies, { plans })).toEqual([
    "TENANT minute: tenant=-1 | plan:FREE=200 PLAN_COMES_LAST",
    "TENANT day: plan:FREE=0 | tenant=null FIELD_NOT_SET",
  ]);
});

test("a field that only policies out of force set is won by nobody", async () => {
  const policies = [policy("off", { enabled: false, ...minute(1) }), policy("on", { limits: { perDay: 5 } })];
  expect(await linesOf(policies)).toEqual([
    "TENANT_API minute: nobody | off=1 DISABLED | on=null FIELD_NOT_SET",
    "TENANT_API day: on=5 | off=null DISABLED",
  ]);
});

test("the SHADOW policy that is evaluated is named with its limits, and why the others are not", async () => {
  const shadow = (id: string, written: Partial<Policy> & { api?: string }) =>
    policy(id, { enforcement: "SHADOW", ...written });
  const world = await worldOf({
    policies: [
      shadow("special", { api: "GET /v1/a/b", limits: { perMinute: 3, perSecond: -1, perDay: 0 } }),
      shadow("general", minute(2)),
      shadow("off", { api: "GET /v1/a/*", enabled: false, ...minute(1) }),
    ],
  });
  const { shadow: shadows } = await world.explain();
  expect(shadows).toMatchObject([
    {
      scope: "TENANT_API",
      watching: {
        policyId: "special",
        limits: [
          { window: "minute", limit: 3 },
          { window: "day", limit: 0 },
        ],
      },
      losers: [
        { policyId: "off", why: "DISABLED", segment: null },
        { policyId: "general", why: "PATTERN_LESS_SPECIFIC", segment: 1 },
      ],
    },
  ]);
});

test("policies of the tenant, its plan and everyone that do not match are listed once, up to a bound", async () => {
  const policies = [
    policy("method", { api: "POST /v1/**", ...minute(1) }),
    policy("path", { api: "ANY /v2/**", target: FREE, ...minute(1) }),
    policy("other-plan", { target: { kind: "PLAN", plan: "PRO" }, ...minute(1) }),
  ];
  const few = await (await worldOf({ policies })).explain();
  expect(few).toMatchObject({
    unmatched: [
      { policyId: "path", target: FREE, apiPattern: "/v2/**", why: "OTHER_PATH" },
      { policyId: "method", httpMethod: "POST", why: "OTHER_METHOD" },
    ],
    unmatchedMore: 0,
  });
  const crowd = Array.from({ length: MAX_UNMATCHED + 7 }, (_, i) => policy(`p${i}`, { api: `GET /${i}` }));
  const many = await (await worldOf({ policies: crowd })).explain();
  expect([many.unmatched.length, many.unmatchedMore]).toEqual([MAX_UNMATCHED, 7]);
});

test("every counter of the call is shown with what is used, what remains and when it ends; nothing is taken", async () => {
  const counters = new MemoryCounters(clock);
  const world = await openExplainWorld(counters, {
    plans: [PLAN],
    policies: [
      policy("user", { scope: "TENANT_USER", limits: { quotaPerDay: 10 } }),
      policy("watched", { api: "ANY /v1/**", enforcement: "SHADOW", limits: { perMinute: 1, perDay: 9 } }),
    ],
  });
  await world.check({ cost: 4, user: "kim" });
  const before = counters.counterKeys();
  for (let times = 0; times < 2; times += 1) {
    const explained = await world.explain({ cost: 7, user: "kim", requestId: "r" });
    expect(explained.counters).toEqual([
      {
        scope: "TENANT",
        api: null,
        user: null,
        windows: [
          {
            window: "minute",
            limit: 200,
            shadowLimit: null,
            used: 4,
            remaining: 196,
            resetAt: "2026-11-22T10:01:00.000Z",
          },
        ],
      },
      {
        scope: "TENANT_API",
        api: "ANY /v1/**",
        user: null,
        windows: [
          {
            window: "minute",
            limit: null,
            shadowLimit: 1,
            used: 4,
            remaining: null,
            resetAt: "2026-11-22T10:01:00.000Z",
          },
          { window: "day", limit: null, shadowLimit: 9, used: 4, remaining: null, resetAt: "2026-11-23T00:00:00.000Z" },
        ],
      },
      {
        scope: "TENANT_USER",
        api: null,
        user: "kim",
        windows: [
          {
            window: "quotaDay",
            limit: 10,
            shadowLimit: null,
            used: 4,
            remaining: 6,
            resetAt: "2026-11-23T00:00:00.000Z",
          },
        ],
      },
    ]);
    expect(explained.decision).toMatchObject({
      allowed: false,
      reason: "QUOTA_EXCEEDED",
      deniedBy: { policyId: "user" },
    });
    expect(explained.unavailable).toBeNull();
  }
  expect(counters.counterKeys()).toEqual(before);
  expect(await world.check({ cost: 6, user: "kim" })).toMatchObject({ allowed: true, remaining: { quotaDaily: 0 } });
});

test("a user beyond the day's bound is explained by the counter that it shares", async () => {
  const policies = [policy("user", { scope: "TENANT_USER", ...minute(3) })];
  const world = await worldOf({ policies, maxUsersPerDay: 0 });
  await world.check({ user: "kim", cost: 2 });
  const { counters, decision } = await world.explain({ user: "lee", cost: 2 });
  expect(counters).toMatchObject([{ user: OVERFLOW_USER, windows: [{ used: 2, remaining: 1 }] }]);
  expect(decision).toMatchObject({ allowed: false, notes: ["user_overflow"] });
});

test("a suspended tenant and a blocked call are refused, and their limits and counters are shown all the same", async () => {
  const suspended = await worldOf({ plans: [PLAN], tenants: [tenant("acme", { status: "SUSPENDED" })] });
  expect(await suspended.explain()).toMatchObject({
    tenant: { id: "acme", plan: "FREE", status: "SUSPENDED", timeZone: "UTC" },
    fields: [{ winner: { policyId: "plan:FREE", limit: 200 } }],
    counters: [{ windows: [{ used: 0, remaining: 200 }] }],
    decision: { reason: "TENANT_SUSPENDED", traceId: "trace-1" },
  });
  const blocked = await worldOf({ plans: [PLAN], policies: [policy("closed", { limits: { perDay: 0 } })] });
  expect(await blocked.explain()).toMatchObject({
    fields: [{ winner: { limit: 200 } }, { winner: { policyId: "closed", limit: 0 } }],
    counters: [{ scope: "TENANT" }],
    decision: { reason: "BLOCKED", deniedBy: { policyId: "closed" } },
  });
});

test("an unknown tenant has nothing to show, and without a confirmed snapshot not even a decision", async () => {
  const world = await worldOf();
  expect(await world.explain({ tenantId: "nobody" })).toMatchObject({
    tenant: null,
    fields: [],
    counters: [],
    decision: { reason: "TENANT_NOT_FOUND" },
    unavailable: null,
  });
  for (const options of [{ confirmedAgoMs: 10_001 }, { snapshotLoaded: false }]) {
    const unsure = await worldOf(options);
    const explained = await unsure.explain({ tenantId: "nobody" });
    expect(explained).toMatchObject({ tenant: null, decision: null, unavailable: "policy_unknown" });
  }
});

test("counters that are away leave the values empty and say so; a cost that no counter admits is refused even so", async () => {
  const settled: (readonly boolean[])[] = [];
  const unavailable: Unavailable = {
    kind: "unavailable",
    cause: "breaker_open",
    probeInMs: 5,
    settle: (charged) => settled.push(charged),
  };
  const memory = new MemoryCounters(clock);
  const away: Counters = {
    take: async () => unavailable,
    adjust: (order) => memory.adjust(order),
    raise: (order) => memory.raise(order),
    nowMs: clock,
    health: () => memory.health(),
    close: () => memory.close(),
  };
  const world = await openExplainWorld(away, { plans: [PLAN] });
  expect(await world.explain()).toMatchObject({
    fields: [{ winner: { limit: 200 } }],
    counters: [{ windows: [{ limit: 200, used: null, remaining: null, resetAt: "2026-11-22T10:01:00.000Z" }] }],
    decision: null,
    unavailable: "breaker_open",
  });
  expect(await world.explain({ cost: 201 })).toMatchObject({
    decision: { allowed: false, reason: "RATE_LIMIT_EXCEEDED" },
    unavailable: "breaker_open",
  });
  expect(settled).toEqual([[false], [false]]);
});

explanationsAgree("memory", 300, async (now) => {
  const counters = new MemoryCounters(now);
  return { counters, close: () => counters.close() };
});
