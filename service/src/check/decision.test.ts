import { expect, test } from "vitest";
import { NOON, openWorld } from "./check.world.ts";

const FREE = { perSecond: 20, perMinute: 200, perDay: 5_000, quotaPerDay: 20_000, quotaPerMonth: 200_000 };

test("an allowed check answers every field of the contract", async () => {
  const world = await openWorld({ plan: FREE });
  expect(await world.check({ cost: 3 })).toEqual({
    allowed: true,
    reason: "OK",
    status: 200,
    remaining: { perSecond: 17, perMinute: 197, perDay: 4_997, quotaDaily: 19_997, quotaMonthly: 199_997 },
    resetAt: {
      second: "2026-11-22T12:00:01.000Z",
      minute: "2026-11-22T12:01:00.000Z",
      day: "2026-11-23T00:00:00.000Z",
      quotaDay: "2026-11-22T15:00:00.000Z",
      month: "2026-11-30T15:00:00.000Z",
    },
    retryAfterMs: null,
    deniedBy: null,
    shadow: [],
    notes: [],
    policyVersion: 42,
    traceId: "trace-1",
  });
});

test("a spent rate limit is named, with what is used and the exact retry time", async () => {
  const world = await openWorld({ plan: { perMinute: 200, quotaPerMonth: 1_000 } });
  await world.check({ cost: 150 });
  world.clock.nowMs += 60_000;
  await world.check({ cost: 50 });
  // 150 × 1 + 50 fills the minute. Cost 10 waits until 150 × (1 − p/60 000) + 50 ≤ 190, that is p = 4 000.
  const refused = await world.check({ cost: 10 });
  expect(refused).toMatchObject({
    allowed: false,
    reason: "RATE_LIMIT_EXCEEDED",
    status: 429,
    remaining: { perSecond: null, perMinute: 0, perDay: null, quotaDaily: null, quotaMonthly: 800 },
    retryAfterMs: 4_000,
    deniedBy: { policyId: "plan:FREE", target: "PLAN", scope: "TENANT", window: "minute", limit: 200, used: 200 },
  });
  world.clock.nowMs += 3_999;
  expect((await world.check({ cost: 10 })).allowed).toBe(false);
  world.clock.nowMs += 1;
  expect((await world.check({ cost: 10 })).allowed).toBe(true);
});

test("a spent quota clears when the tenant's own day ends, with the configured status", async () => {
  const world = await openWorld({ plan: { quotaPerDay: 5 }, quotaStatus: 403 });
  await world.check({ cost: 5 });
  expect(await world.check()).toMatchObject({
    reason: "QUOTA_EXCEEDED",
    status: 403,
    // Noon in London is 21:00 in Seoul.
    retryAfterMs: 3 * 3_600_000,
    deniedBy: { window: "quotaDay", limit: 5, used: 5 },
  });
});

test("a rate limit keeps 429 whatever status a spent quota has", async () => {
  const world = await openWorld({ plan: { perDay: 1 }, quotaStatus: 403 });
  await world.check();
  expect(await world.check()).toMatchObject({ reason: "RATE_LIMIT_EXCEEDED", status: 429 });
});

test("of several refusing limits the one that clears last is named and sets the retry time", async () => {
  const world = await openWorld({ plan: { perSecond: 2, perMinute: 2, quotaPerMonth: 100 } });
  await world.check({ cost: 2 });
  const refused = await world.check({ cost: 2 });
  expect(refused.deniedBy).toMatchObject({ window: "minute", used: 2 });
  // Both are spent; the second clears after 2 s, the minute when the next bucket has weighed the old one down to nothing.
  expect(refused.retryAfterMs).toBe(120_000);
});

test("a limit that can never admit the cost is named before those that clear, without a retry time", async () => {
  const world = await openWorld({ plan: { perSecond: 5, perMinute: 100, quotaPerMonth: 100 } });
  await world.check({ cost: 4 });
  expect(await world.check({ cost: 6 })).toMatchObject({
    deniedBy: { window: "second", limit: 5, used: 4 },
    remaining: { perSecond: 1, perMinute: 96, quotaMonthly: 96 },
    retryAfterMs: null,
  });
  expect(await world.check({ cost: 100 })).toMatchObject({ deniedBy: { window: "second" }, retryAfterMs: null });
});

test("a limit that the cost would fill exactly does not refuse and is not named", async () => {
  const world = await openWorld({ plan: { perSecond: 3, quotaPerMonth: 4 } });
  await world.check({ cost: 2 });
  expect((await world.check({ cost: 2 })).deniedBy?.window).toBe("second");
});

test("limits that clear at the same instant are named in the order of claims", async () => {
  const world = await openWorld({
    plan: { quotaPerDay: 1 },
    policies: [{ id: "api", limits: { quotaPerDay: 1 } }],
  });
  await world.check();
  const [order] = world.store.orders;
  const first = order?.checks[0]?.claims[0]?.enforced[0]?.source.policyId;
  expect((await world.check()).deniedBy?.policyId).toBe(first);
});

test("remaining is the tightest over all scopes, window by window", async () => {
  const world = await openWorld({
    plan: { perMinute: 100, perDay: 1_000 },
    policies: [{ id: "user", scope: "TENANT_USER", limits: { perMinute: 10, quotaPerMonth: 50 } }],
  });
  const decision = await world.check({ user: "u-1", cost: 2 });
  expect(decision.remaining).toEqual({
    perSecond: null,
    perMinute: 8,
    perDay: 998,
    quotaDaily: null,
    quotaMonthly: 48,
  });
  const other = await world.check({ user: "u-2", cost: 3 });
  expect(other.remaining).toMatchObject({ perMinute: 7, perDay: 995, quotaMonthly: 47 });
});

test("a refusal shows what was left before it, because nothing was taken", async () => {
  const world = await openWorld({ plan: { perMinute: 10, perDay: 100 } });
  await world.check({ cost: 7 });
  expect((await world.check({ cost: 4 })).remaining).toMatchObject({ perMinute: 3, perDay: 93 });
});

test("cost 0 looks: a window that is exactly full still shows what is left", async () => {
  const world = await openWorld({ plan: { perMinute: 5 } });
  await world.check({ cost: 5 });
  expect(await world.check({ cost: 0 })).toMatchObject({ allowed: true, reason: "OK", remaining: { perMinute: 0 } });
});

test("cost 0 is refused where an estimate already exceeds its limit", async () => {
  const world = await openWorld({
    plan: { perMinute: 5 },
    policies: [
      { id: "free", apiPattern: "/free/**", scope: "TENANT", limits: { perMinute: -1 } },
      { id: "trial", apiPattern: "/free/**", scope: "TENANT", limits: { perMinute: 1 }, enforcement: "SHADOW" },
    ],
  });
  await world.check({ segments: ["free"], cost: 10 });
  expect(await world.check({ cost: 0 })).toMatchObject({
    allowed: false,
    reason: "RATE_LIMIT_EXCEEDED",
    // Ten weigh five once half of the next minute has passed.
    retryAfterMs: 90_000,
    deniedBy: { window: "minute", limit: 5, used: 10 },
  });
});

test("a tenant with no limit is allowed with nothing to show", async () => {
  const world = await openWorld();
  const { decision, tightest } = await world.answer();
  expect(decision).toMatchObject({ allowed: true, reason: "OK", remaining: { perSecond: null, quotaMonthly: null } });
  expect(tightest).toBeNull();
  expect(world.store.orders[0]?.checks).toMatchObject([{ claims: [], cost: 1, usageApi: "ANY /**" }]);
});

test("a replayed request id is allowed again, takes nothing and says so", async () => {
  const world = await openWorld({ plan: { perMinute: 2 } });
  await world.check({ requestId: "r-1", cost: 2 });
  expect(await world.check({ requestId: "r-1", cost: 2 })).toMatchObject({
    allowed: true,
    reason: "OK",
    remaining: { perMinute: 0 },
    notes: ["request_replayed"],
  });
});

test("users beyond the day's bound share the overflow user, and the answer says so", async () => {
  const world = await openWorld({
    policies: [{ id: "user", scope: "TENANT_USER", limits: { perMinute: 10 } }],
    maxUsersPerDay: 1,
  });
  expect((await world.check({ user: "u-1" })).notes).toEqual([]);
  expect((await world.check({ user: "u-2" })).notes).toEqual(["user_overflow"]);
  expect(await world.check({ user: "u-3" })).toMatchObject({ notes: ["user_overflow"], remaining: { perMinute: 8 } });
});

test("resetAt moves with the clock, bucket by bucket", async () => {
  const world = await openWorld({ plan: FREE });
  await world.check();
  world.clock.nowMs = NOON + 999;
  expect((await world.check()).resetAt.second).toBe("2026-11-22T12:00:01.000Z");
  world.clock.nowMs = NOON + 1_000;
  expect((await world.check()).resetAt.second).toBe("2026-11-22T12:00:02.000Z");
  world.clock.nowMs = Date.parse("2026-11-30T15:00:00.000Z");
  expect((await world.check()).resetAt).toEqual({
    second: "2026-11-30T15:00:01.000Z",
    minute: "2026-11-30T15:01:00.000Z",
    day: "2026-12-01T00:00:00.000Z",
    quotaDay: "2026-12-01T15:00:00.000Z",
    month: "2026-12-31T15:00:00.000Z",
  });
});
