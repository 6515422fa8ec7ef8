import { expect, test } from "vitest";
import { EMPTY_COUNTER, takeCounter } from "../counters/admission.ts";
import type { Claim } from "../counters/claim.ts";
import { periodsAt } from "../limits/quota-period.ts";
import { createLastKnown } from "./last-known.ts";
import type { Portion } from "./share.ts";
import { createStaticLimits, type StaticQuestion } from "./static-limits.ts";

const noon = Date.parse("2026-11-22T12:00:00Z");
const alone: Portion = { workers: 1, ordinal: 0 };
const firstOfFour: Portion = { workers: 4, ordinal: 0 };

/** Small, because setting memory aside for the whole bound takes longer than a test. */
const openLimits = (maxCounters = 100) => createStaticLimits(createLastKnown(100), maxCounters);

function claimOf(
  limits: Partial<Record<Claim["enforced"][number]["window"], number>>,
  scope: Claim["scope"] = "TENANT",
) {
  const source = { policyId: scope, target: "PLAN", scope } as const;
  const enforced = Object.entries(limits).map(([window, capacity]) => ({
    window: window as keyof typeof limits,
    capacity,
    source,
  }));
  return { scope, api: null, enforced, shadow: [] } satisfies Claim;
}

const question = (claims: readonly Claim[], differs: Partial<StaticQuestion> = {}): StaticQuestion => ({
  tenant: "acme",
  user: "u-1",
  claims,
  cost: 1,
  nowMs: noon,
  periods: periodsAt("UTC", differs.nowMs ?? noon),
  ...differs,
});

test("a rate limit is divided by the number of workers, rounded down", () => {
  const limits = openLimits();
  const minute = [claimOf({ minute: 11 })];
  expect(limits.take(question(minute, { cost: 2 }), firstOfFour)).toBeNull();
  expect(limits.take(question(minute), firstOfFour)).toMatchObject({ limit: { capacity: 11 }, used: 2 });
});

test("the share slides like the limit it is a part of, and the retry time is exact", () => {
  const limits = openLimits();
  const minute = [claimOf({ minute: 16 })];
  limits.take(question(minute, { cost: 4 }), firstOfFour);
  const refused = limits.take(question(minute, { cost: 1 }), firstOfFour);
  expect(refused?.retryAfterMs).toBe(75_000);
  expect(limits.take(question(minute, { nowMs: noon + 74_999 }), firstOfFour)).not.toBeNull();
  expect(limits.take(question(minute, { nowMs: noon + 75_000 }), firstOfFour)).toBeNull();
});

test("a cost above the share can never pass here", () => {
  const limits = openLimits();
  expect(limits.take(question([claimOf({ minute: 16 })], { cost: 5 }), firstOfFour)?.retryAfterMs).toBeNull();
  expect(limits.take(question([claimOf({ minute: 1 })], { cost: 2 }), firstOfFour)?.retryAfterMs).toBeNull();
});

test.for([1, 2, 3])("a limit of %s per second for four workers: their sum is the limit in every second", (capacity) => {
  const workers = [0, 1, 2, 3].map((ordinal) => ({
    portion: { workers: 4, ordinal },
    limits: openLimits(),
    admitted: 0,
  }));
  const second = [claimOf({ second: capacity })];
  for (let bucket = 0; bucket < 60; bucket += 1) {
    let admitted = 0;
    for (const offsetMs of [0, 500, 999]) {
      for (const worker of workers) {
        const nowMs = noon + bucket * 1_000 + offsetMs;
        const refused = worker.limits.take(
          question(second, { nowMs, periods: periodsAt("UTC", noon) }),
          worker.portion,
        );
        if (refused !== null) continue;
        admitted += 1;
        worker.admitted += 1;
      }
    }
    expect(admitted).toBe(capacity);
  }
  expect(workers.map((worker) => worker.admitted)).toEqual([1, 2, 3, 4].map(() => 15 * capacity));
});

test("without a turn the retry time is the start of the next one", () => {
  const second = [claimOf({ second: 1 })];
  for (const ordinal of [0, 1, 2, 3]) {
    const limits = openLimits();
    const portion = { workers: 4, ordinal };
    limits.take(question(second), portion);
    const refused = limits.take(question(second), portion);
    const nowMs = noon + (refused?.retryAfterMs ?? 0);
    const periods = periodsAt("UTC", noon);
    expect(refused?.retryAfterMs).toBeGreaterThan(0);
    expect(limits.take(question(second, { nowMs: nowMs - 1, periods }), portion)).not.toBeNull();
    expect(limits.take(question(second, { nowMs, periods }), portion)).toBeNull();
  }
});

test("all or nothing: a refusal by one limit takes from none", () => {
  const limits = openLimits();
  const both = [claimOf({ minute: 10 }), claimOf({ minute: 3 }, "TENANT_USER")];
  expect(limits.take(question(both, { cost: 3 }), alone)).toBeNull();
  expect(limits.take(question(both, { cost: 3 }), alone)).toMatchObject({ limit: { capacity: 3 } });
  expect(limits.take(question(both, { cost: 3, user: "u-2" }), alone)).toBeNull();
  expect(limits.take(question(both, { cost: 3, user: "u-3" }), alone)).toBeNull();
  expect(limits.take(question(both, { cost: 2, user: "u-4" }), alone)).toMatchObject({
    limit: { capacity: 10 },
    used: 9,
  });
});

test("of several refusing limits the one that clears last is named", () => {
  const limits = openLimits();
  const claims = [claimOf({ second: 1, month: 1, minute: 1 })];
  limits.take(question(claims), alone);
  expect(limits.take(question(claims), alone)).toMatchObject({ limit: { window: "month" } });
});

test("a look takes nothing and passes unless a share is overdrawn", () => {
  const limits = openLimits();
  const minute = [claimOf({ minute: 1 })];
  for (const _ of [1, 2]) expect(limits.take(question(minute, { cost: 0 }), alone)).toBeNull();
  expect(limits.take(question(minute), alone)).toBeNull();
  expect(limits.take(question(minute, { cost: 0 }), alone)).toBeNull();
});

test("a quota divides what was left when the counters were last seen, and the whole again in a new period", () => {
  const lastKnown = createLastKnown();
  const limits = createStaticLimits(lastKnown);
  const claims = [claimOf({ quotaDay: 100, month: 1_000 })];
  const labels = { dayLabel: 20261122, monthLabel: 202611 };
  const seen = takeCounter(EMPTY_COUNTER, ["quotaDay", "month"], 60, noon, labels);
  const check = { admitted: true, replayed: false, overflowed: false, states: [seen] };
  const answered = { kind: "answered", nowMs: noon, ...labels, generation: 1, checks: [check] } as const;
  lastKnown.remember("acme", "u-1", claims, check, answered);

  expect(limits.take(question(claims, { cost: 10 }), firstOfFour)).toBeNull();
  const refused = limits.take(question(claims, { cost: 1 }), firstOfFour);
  expect(refused).toMatchObject({ limit: { window: "quotaDay", capacity: 100 }, used: 10 });
  expect(refused?.retryAfterMs).toBe(12 * 3_600_000);
  const tomorrow = noon + 12 * 3_600_000;
  expect(limits.take(question(claims, { nowMs: tomorrow, cost: 26 }), firstOfFour)).not.toBeNull();
  expect(limits.take(question(claims, { nowMs: tomorrow, cost: 25 }), firstOfFour)).toBeNull();
});

test("fewer left than workers: exactly so many workers have one", () => {
  const claims = [claimOf({ quotaDay: 3 })];
  const admitted = [0, 1, 2, 3].filter((ordinal) => {
    const limits = openLimits();
    return limits.take(question(claims), { workers: 4, ordinal }) === null;
  });
  expect(admitted).toHaveLength(3);
});

test("a spent quota has a retry time only if this worker has a share of the next period", () => {
  const retries = [0, 1, 2, 3].map((ordinal) => {
    const limits = openLimits();
    const portion = { workers: 4, ordinal };
    limits.take(question([claimOf({ month: 1 })]), portion);
    return limits.take(question([claimOf({ month: 1 })]), portion)?.retryAfterMs ?? null;
  });
  expect(retries.filter((retryAfterMs) => retryAfterMs !== null)).toEqual([8.5 * 86_400_000]);
});

test("counters beyond the bound are forgotten, longest unused first, and that is told", () => {
  const limits = openLimits(2);
  const user = [claimOf({ minute: 1 }, "TENANT_USER")];
  for (const name of ["u-1", "u-2", "u-3"]) limits.take(question(user, { user: name }), alone);
  expect(limits.forgotten()).toBe(1);
  expect(limits.take(question(user, { user: "u-3" }), alone)).not.toBeNull();
  expect(limits.take(question(user, { user: "u-1" }), alone)).toBeNull();
});
