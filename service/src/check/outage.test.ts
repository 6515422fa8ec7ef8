import { expect, test } from "vitest";
import { NOON, type Outage, openWorld } from "./check.world.ts";

const frozen: Outage = { cause: "deadline", probeInMs: 250, runsAnyway: false };
const nothingKnown = { perSecond: null, perMinute: null, perDay: null, quotaDaily: null, quotaMonthly: null };

test("ALLOW_ALL allows, shows no counters and fills resetAt", async () => {
  const world = await openWorld({ plan: { perMinute: 1 } });
  world.store.state.outage = frozen;
  for (const _ of [1, 2]) {
    expect(await world.answer()).toMatchObject({
      decision: {
        allowed: true,
        reason: "ALLOW_FALLBACK",
        status: 200,
        remaining: nothingKnown,
        resetAt: { second: "2026-11-22T12:00:01.000Z", month: "2026-11-30T15:00:00.000Z" },
        retryAfterMs: null,
        deniedBy: null,
        notes: [],
        policyVersion: 42,
      },
      tightest: null,
    });
  }
  expect(world.fallback.tally()).toEqual([{ mode: "ALLOW_ALL", cause: "deadline", allowed: true, answers: 2 }]);
});

test.for([
  [250, 250],
  [null, 0],
] as const)("BLOCK_ALL refuses until the next probe: %s", async ([probeInMs, retryAfterMs]) => {
  const world = await openWorld({ fallback: "BLOCK_ALL" });
  world.store.state.outage = { ...frozen, probeInMs };
  expect(await world.check()).toMatchObject({
    allowed: false,
    reason: "BLOCK_FALLBACK",
    status: 503,
    remaining: nothingKnown,
    retryAfterMs,
    deniedBy: null,
  });
  expect(world.store.settled).toEqual([[false]]);
});

test("STATIC_LIMIT counts by itself and names the limit that refuses", async () => {
  const world = await openWorld({ plan: { perMinute: 4 }, fallback: "STATIC_LIMIT" });
  world.store.state.outage = frozen;
  expect(await world.check({ cost: 4 })).toMatchObject({ allowed: true, reason: "STATIC_FALLBACK", status: 200 });
  expect(await world.check({ cost: 2 })).toMatchObject({
    allowed: false,
    reason: "STATIC_FALLBACK",
    status: 429,
    remaining: nothingKnown,
    // Four weigh two once half of the next minute has passed.
    retryAfterMs: 90_000,
    deniedBy: { policyId: "plan:FREE", window: "minute", limit: 4, used: 4 },
  });
});

test("STATIC_LIMIT divides what the counted checks before the outage left of a quota", async () => {
  const census = { largestLately: () => 2, ordinal: () => 0 };
  const world = await openWorld({ plan: { quotaPerMonth: 100 }, fallback: "STATIC_LIMIT", census });
  await world.check({ cost: 60 });
  world.store.state.outage = frozen;
  expect((await world.check({ cost: 20 })).allowed).toBe(true);
  expect(await world.check({ cost: 1 })).toMatchObject({
    allowed: false,
    reason: "STATIC_FALLBACK",
    deniedBy: { window: "month", limit: 100, used: 20 },
  });
});

test("a policy's own mode goes before the global one", async () => {
  const world = await openWorld({
    fallback: "ALLOW_ALL",
    policies: [{ id: "strict", apiPattern: "/v1/**", limits: { perMinute: 5 }, fallback: "BLOCK_ALL" }],
  });
  world.store.state.outage = frozen;
  expect((await world.check()).reason).toBe("BLOCK_FALLBACK");
  expect((await world.check({ segments: ["other"] })).reason).toBe("ALLOW_FALLBACK");
});

test.for(["ALLOW_ALL", "BLOCK_ALL", "STATIC_LIMIT"] as const)(
  "what needs no counter is decided as ever under %s",
  async (fallback) => {
    const world = await openWorld({
      fallback,
      plan: { perMinute: 5, quotaPerMonth: 10 },
      policies: [{ id: "closed", apiPattern: "/closed", limits: { perDay: 0 } }],
      tenants: [{ id: "late", status: "SUSPENDED" }],
      quotaStatus: 403,
    });
    world.store.state.outage = { ...frozen, runsAnyway: true };
    expect((await world.check({ segments: ["closed"] })).reason).toBe("BLOCKED");
    expect((await world.check({ tenantId: "late" })).reason).toBe("TENANT_SUSPENDED");
    expect((await world.check({ tenantId: "nobody" })).reason).toBe("TENANT_NOT_FOUND");
    expect(await world.check({ cost: 11 })).toMatchObject({
      allowed: false,
      reason: "RATE_LIMIT_EXCEEDED",
      status: 429,
      remaining: nothingKnown,
      retryAfterMs: null,
      deniedBy: { window: "minute", limit: 5, used: 0 },
    });
    expect(world.store.settled).toEqual([[false]]);
    expect(world.fallback.tally()).toEqual([]);
  },
);

test("a moving slot is said in the notes", async () => {
  const world = await openWorld();
  world.store.state.outage = { ...frozen, cause: "slot_moving" };
  expect((await world.check()).notes).toEqual(["slot_moving"]);
});

test("a refusal that no limit explains is no answer: the Fallback gives one", async () => {
  const world = await openWorld({ plan: { perMinute: 10 } });
  world.store.state.broken = true;
  // Five are counted and five more would fill the minute exactly: no reason to refuse.
  expect(await world.check({ cost: 5 })).toMatchObject({ allowed: true, reason: "ALLOW_FALLBACK" });
  expect(world.fallback.tally()).toMatchObject([{ cause: "store_error", answers: 1 }]);
});

test("an admitted check stands in the ledger until the store turns out to have counted it", async () => {
  const world = await openWorld({ plan: { quotaPerDay: 100 } });
  world.store.state.outage = frozen;
  await world.check({ cost: 5 });
  world.store.state.outage = { ...frozen, runsAnyway: true };
  await world.check({ cost: 7 });
  expect(world.ledger.usage.takeChanged(10).totals).toMatchObject([{ total: 12, retracted: 7 }]);
  expect(world.ledger.quotas.takeChanged(10).totals).toMatchObject([
    { tenant: "acme", scope: "TENANT", window: "quotaDay", label: 20261122, total: 5, retracted: 0 },
  ]);
});

test("the store is told which checks the Fallback charged", async () => {
  const world = await openWorld({ plan: { perMinute: 10 }, fallback: "STATIC_LIMIT" });
  world.store.state.outage = frozen;
  await world.batch([
    { cost: 6, requestId: "r-1" },
    { cost: 6 },
    { cost: 0 },
    { cost: 6, requestId: "r-1" },
    { cost: 4 },
  ]);
  expect(world.store.settled).toEqual([[true, false, false, false, true]]);
});

test("a request id admitted by the Fallback is admitted again for a minute and charged once", async () => {
  const world = await openWorld({ plan: { perMinute: 5 }, fallback: "STATIC_LIMIT" });
  world.store.state.outage = frozen;
  await world.check({ cost: 5, requestId: "r-1" });
  world.clock.nowMs = NOON + 59_999;
  expect(await world.check({ cost: 5, requestId: "r-1" })).toMatchObject({
    allowed: true,
    reason: "STATIC_FALLBACK",
    notes: ["request_replayed"],
  });
  world.clock.nowMs = NOON + 60_000;
  expect((await world.check({ cost: 5, requestId: "r-1" })).allowed).toBe(false);
  expect(world.ledger.usage.takeChanged(10).totals).toMatchObject([{ total: 5 }]);
});

test("after a take without an answer the tenant's later checks of the batch do not wait again", async () => {
  const world = await openWorld({ tenants: [{ id: "globex" }] });
  world.store.state.outage = frozen;
  const decisions = await world.batch([...Array.from({ length: 40 }, () => ({})), { tenantId: "globex" }]);
  expect(new Set(decisions.map((decision) => decision.reason))).toEqual(new Set(["ALLOW_FALLBACK"]));
  expect(world.store.orders.map((order) => order.tenant)).toEqual(["acme", "globex"]);
  expect(world.store.settled.map((charged) => charged.length)).toEqual([16, 1]);
});

test("exact decisions are back with the store", async () => {
  const world = await openWorld({ plan: { perMinute: 5 } });
  await world.check({ cost: 2 });
  world.store.state.outage = frozen;
  await world.check({ cost: 3 });
  world.store.state.outage = null;
  expect(await world.check({ cost: 1 })).toMatchObject({ reason: "OK", remaining: { perMinute: 2 } });
});
