import { expect, test } from "vitest";
import { periodsAt } from "../limits/quota-period.ts";
import type { Claim } from "./claim.ts";
import { countersConformance } from "./counters.conformance.ts";
import { FORGIVEN_STEP_MS, MemoryCounters } from "./counters.memory.ts";
import { MAX_CHECKS_PER_TAKE, type Take } from "./counters.ts";

countersConformance(
  "memory",
  async ({ clock }) => {
    const counters = new MemoryCounters(clock);
    return { counters, keys: async () => counters.counterKeys(), close: () => counters.close() };
  },
  { histories: 1_500 },
);

const noon = Date.parse("2026-11-22T12:00:00Z");
const perUser: Claim = {
  scope: "TENANT_USER",
  api: null,
  enforced: [
    { window: "second", capacity: 10_000, source: { policyId: "p-1", target: "TENANT", scope: "TENANT_USER" } },
  ],
  shadow: [],
};

function order(tenant: string, user: string, nowMs: number, checks = 1): Take {
  const check = { claims: [perUser], user, cost: 1, requestId: null, usageApi: "ANY /**" };
  return { tenant, periods: periodsAt("UTC", nowMs), maxUsersPerDay: 10_000, checks: Array(checks).fill(check) };
}

test("counters that have ended are dropped while others are taken from", async () => {
  let nowMs = noon;
  const counters = new MemoryCounters(() => nowMs);
  for (let i = 0; i < 500; i += 1) await counters.take(order("acme", `u${i}`, nowMs));
  expect(counters.counterKeys()).toHaveLength(500);
  nowMs += FORGIVEN_STEP_MS + 2_000;
  for (let i = 0; i < 600; i += 1) await counters.take(order("acme", "late", nowMs));
  expect(counters.counterKeys()).toHaveLength(1);
});

test("a user whose counters have ended is still no new user of the same day", async () => {
  let nowMs = noon;
  const counters = new MemoryCounters(() => nowMs);
  await counters.take({ ...order("acme", "u1", nowMs), maxUsersPerDay: 1 });
  nowMs += FORGIVEN_STEP_MS + 2_000;
  const again = await counters.take({ ...order("acme", "u1", nowMs), maxUsersPerDay: 1 });
  expect(again.checks[0]?.overflowed).toBe(false);
});

test("a take of more checks than the port allows is a broken promise", async () => {
  const counters = new MemoryCounters(() => noon);
  await expect(counters.take(order("acme", "u1", noon, MAX_CHECKS_PER_TAKE + 1))).rejects.toThrow(RangeError);
});
