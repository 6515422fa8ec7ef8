import { expect, test } from "vitest";
import { NOON, openWorld } from "./check.world.ts";

const nothingKnown = { perSecond: null, perMinute: null, perDay: null, quotaDaily: null, quotaMonthly: null };

test("a limit of 0 blocks without asking the counters, and leaves nothing in any limited window", async () => {
  const world = await openWorld({
    plan: { perMinute: 5, quotaPerMonth: 7 },
    policies: [{ id: "closed", limits: { perDay: 0 } }],
  });
  for (const cost of [0, 1]) {
    expect(await world.check({ cost })).toMatchObject({
      allowed: false,
      reason: "BLOCKED",
      status: 403,
      remaining: { perSecond: null, perMinute: 0, perDay: 0, quotaDaily: null, quotaMonthly: 0 },
      resetAt: { day: "2026-11-23T00:00:00.000Z", quotaDay: "2026-11-22T15:00:00.000Z" },
      retryAfterMs: null,
      deniedBy: { policyId: "closed", target: "TENANT", scope: "TENANT_API", window: "day", limit: 0, used: 0 },
    });
  }
  expect(world.store.orders).toEqual([]);
});

test("of several limits of 0 the most specific is named, and nothing remains in the windows of all of them", async () => {
  const world = await openWorld({
    plan: { perSecond: 0, quotaPerDay: 0 },
    policies: [{ id: "closed", limits: { perDay: 0, perSecond: 3 } }],
  });
  expect(await world.check()).toMatchObject({
    reason: "BLOCKED",
    remaining: { perSecond: 0, perMinute: null, perDay: 0, quotaDaily: 0, quotaMonthly: null },
    deniedBy: { policyId: "closed", window: "day", limit: 0 },
  });
});

test("a suspended tenant is refused without asking the counters", async () => {
  const world = await openWorld({ tenants: [{ id: "late", status: "SUSPENDED" }] });
  expect(await world.check({ tenantId: "late" })).toMatchObject({
    allowed: false,
    reason: "TENANT_SUSPENDED",
    status: 403,
    remaining: nothingKnown,
    resetAt: { second: "2026-11-22T12:00:01.000Z" },
    retryAfterMs: null,
    deniedBy: null,
  });
  expect(world.store.orders).toEqual([]);
});

test("an unknown tenant is not found while the snapshot was confirmed within 10 s", async () => {
  const world = await openWorld();
  world.policyView.confirmedAgoMs = 10_000;
  expect(await world.check({ tenantId: "nobody" })).toMatchObject({
    allowed: false,
    reason: "TENANT_NOT_FOUND",
    status: 404,
    remaining: nothingKnown,
    resetAt: { second: null, minute: null, day: null, quotaDay: null, month: null },
    notes: [],
    policyVersion: 42,
  });
});

test("an unknown tenant is answered by the Fallback once the snapshot is not confirmed any more", async () => {
  const world = await openWorld();
  world.policyView.confirmedAgoMs = 10_001;
  expect(await world.check({ tenantId: "nobody" })).toMatchObject({
    allowed: true,
    reason: "ALLOW_FALLBACK",
    status: 200,
    resetAt: { second: null, month: null },
    notes: ["policy_unknown"],
  });
  expect(world.ledger.usage.takeChanged(10).totals).toMatchObject([
    { tenant: "nobody", usageApi: "ANY /**", dayLabel: 20261122, total: 1 },
  ]);
});

test.for([
  ["ALLOW_ALL", { allowed: true, reason: "ALLOW_FALLBACK", status: 200, retryAfterMs: null }],
  ["STATIC_LIMIT", { allowed: true, reason: "STATIC_FALLBACK", status: 200, retryAfterMs: null }],
  ["BLOCK_ALL", { allowed: false, reason: "BLOCK_FALLBACK", status: 503, retryAfterMs: 700 }],
] as const)("without any snapshot every tenant is answered by the Fallback: %s", async ([fallback, answer]) => {
  const world = await openWorld({ snapshotLoaded: false, fallback });
  expect(await world.check()).toMatchObject({
    ...answer,
    notes: ["policy_unknown"],
    policyVersion: 0,
    resetAt: { second: null },
  });
  expect(world.store.orders).toEqual([]);
});

test("checks of one tenant in a batch see the ones before them, across takes and beside checks without counters", async () => {
  const world = await openWorld({
    plan: { perMinute: 20 },
    policies: [{ id: "closed", apiPattern: "/closed", limits: { perDay: 0 } }],
  });
  const inputs = Array.from({ length: 40 }, (_, i) => (i % 4 === 3 ? { segments: ["closed"] } : {}));
  const decisions = await world.batch(inputs);
  const expected = Array.from({ length: 40 }, (_, i) => {
    const before = i - Math.floor((i + 1) / 4);
    if (i % 4 === 3) return { reason: "BLOCKED" };
    return before < 20
      ? { reason: "OK", remaining: { perMinute: 19 - before } }
      : { reason: "RATE_LIMIT_EXCEEDED", remaining: { perMinute: 0 } };
  });
  expect(decisions).toMatchObject(expected);
  expect(world.store.orders.map((order) => order.checks.length)).toEqual([16, 14]);
});

test("a batch asks for different tenants at the same time, one take each", async () => {
  const world = await openWorld({ plan: { perMinute: 3 }, tenants: [{ id: "globex" }] });
  const decisions = await world.batch([
    { cost: 2 },
    { tenantId: "globex" },
    { tenantId: "nobody" },
    { cost: 2 },
    { tenantId: "globex" },
  ]);
  expect(decisions.map((decision) => decision.reason)).toEqual([
    "OK",
    "OK",
    "TENANT_NOT_FOUND",
    "RATE_LIMIT_EXCEEDED",
    "OK",
  ]);
  expect(decisions[4]?.remaining.perMinute).toBe(1);
  expect(world.store.orders.map((order) => [order.tenant, order.checks.length])).toEqual([
    ["acme", 2],
    ["globex", 2],
  ]);
});

test("a check that nothing limits is still handed to the counters, where its usage is booked", async () => {
  const world = await openWorld();
  await world.batch([{ cost: 4 }, { cost: 0 }]);
  expect(world.store.orders).toMatchObject([
    {
      tenant: "acme",
      checks: [
        { claims: [], cost: 4 },
        { claims: [], cost: 0 },
      ],
    },
  ]);
});

test("the periods of a take are those of the tenant's own zone", async () => {
  const world = await openWorld();
  world.clock.nowMs = NOON + 4 * 3_600_000;
  await world.check();
  expect(world.store.orders[0]?.periods.day.current.label).toBe(20261123);
});
