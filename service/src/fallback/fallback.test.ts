import { expect, test } from "vitest";
import { EMPTY_COUNTER, takeCounter } from "../counters/admission.ts";
import type { Claim } from "../counters/claim.ts";
import { periodsAt } from "../limits/quota-period.ts";
import type { Resolution } from "../policies/snapshot.ts";
import { createFallback, type FallbackQuestion, OUTAGE_OVER_MS } from "./fallback.ts";
import { createLedger } from "./ledger.ts";

const noon = Date.parse("2026-11-22T12:00:00Z");
const labels = { dayLabel: 20261122, monthLabel: 202611 };
const source = { policyId: "plan:FREE", target: "PLAN", scope: "TENANT" } as const;
const claim: Claim = {
  scope: "TENANT",
  api: null,
  enforced: [
    { window: "second", capacity: 40, source },
    { window: "quotaDay", capacity: 400, source },
  ],
  shadow: [],
};
const resolution: Resolution = { claims: [claim], blocked: null, usageApi: "ANY /**", fallback: null };

function open(mode: "ALLOW_ALL" | "STATIC_LIMIT" = "STATIC_LIMIT") {
  const census = { workers: 4 };
  const ledger = createLedger("i");
  const fallback = createFallback({
    mode,
    census: { largestLately: () => census.workers, ordinal: () => 5 },
    ledger,
  });
  const ask = (differs: Partial<FallbackQuestion> = {}) =>
    fallback.answer({
      tenant: "acme",
      user: "u-1",
      cost: 1,
      requestId: null,
      resolution,
      nowMs: noon,
      periods: periodsAt("UTC", differs.nowMs ?? noon),
      cause: "deadline",
      probeInMs: null,
      isPending: false,
      ...differs,
    });
  const counted = (nowMs: number, used = 0) => {
    const state = takeCounter(EMPTY_COUNTER, ["quotaDay"], used, nowMs, labels);
    const check = { admitted: true, replayed: false, overflowed: false, states: [state] };
    fallback.counted("acme", "u-1", resolution, check, {
      kind: "answered",
      nowMs,
      ...labels,
      generation: 1,
      checks: [check],
    });
  };
  return { census, ledger, fallback, ask, counted };
}

/** The greatest cost that passes at `nowMs`, found by asking: every refusal takes nothing. */
function shareAt(world: ReturnType<typeof open>, nowMs: number): number {
  let cost = 64;
  while (cost > 0 && !world.ask({ nowMs, cost }).allowed) cost -= 1;
  return cost;
}

test("the number of workers is that of the beginning of the outage, whatever the census says later", () => {
  const world = open();
  expect(shareAt(world, noon)).toBe(10);
  world.census.workers = 1;
  expect(shareAt(world, noon + 10_000)).toBe(10);
});

test("an outage lasts until a check is counted a while after the last Fallback answer", () => {
  const world = open();
  expect(shareAt(world, noon)).toBe(10);
  world.census.workers = 2;
  const lastAnswer = noon + OUTAGE_OVER_MS;
  expect(shareAt(world, lastAnswer)).toBe(10);
  world.counted(lastAnswer + OUTAGE_OVER_MS - 1);
  expect(shareAt(world, lastAnswer + OUTAGE_OVER_MS)).toBe(10);
  world.counted(lastAnswer + 2 * OUTAGE_OVER_MS);
  expect(shareAt(world, lastAnswer + 2 * OUTAGE_OVER_MS)).toBe(20);
});

test("time alone does not end an outage", () => {
  const world = open();
  expect(shareAt(world, noon)).toBe(10);
  world.census.workers = 1;
  expect(shareAt(world, noon + 10 * OUTAGE_OVER_MS)).toBe(10);
});

test("a check without a policy begins no outage", () => {
  const world = open();
  world.ask({ resolution: null, cause: "policy_unknown" });
  world.census.workers = 2;
  expect(shareAt(world, noon)).toBe(20);
});

test("quotas divide what the counters last said was left", () => {
  const world = open();
  world.counted(noon, 388);
  expect(shareAt(world, noon)).toBe(3);
});

test("what is left of quotas is remembered for STATIC_LIMIT by policy as well", () => {
  const world = open("ALLOW_ALL");
  const staticByPolicy: Resolution = { ...resolution, fallback: "STATIC_LIMIT" };
  const state = takeCounter(EMPTY_COUNTER, ["quotaDay"], 400, noon, labels);
  const check = { admitted: true, replayed: false, overflowed: false, states: [state] };
  const answered = { kind: "answered", nowMs: noon, ...labels, generation: 1, checks: [check] } as const;
  world.fallback.counted("acme", "u-1", staticByPolicy, check, answered);
  expect(world.ask({ resolution: staticByPolicy })).toMatchObject({ allowed: false, reason: "STATIC_FALLBACK" });
  expect(world.ask()).toMatchObject({ allowed: true, reason: "ALLOW_FALLBACK" });
});

test("a look is answered, but neither booked nor remembered under its request id", () => {
  const world = open("ALLOW_ALL");
  expect(world.ask({ cost: 0, requestId: "r-1" })).toMatchObject({ allowed: true, replayed: false });
  expect(world.ask({ cost: 2, requestId: "r-1" })).toMatchObject({ allowed: true, replayed: false });
  expect(world.ledger.usage.takeChanged(10).totals).toMatchObject([{ total: 2 }]);
});

test("a pending check stands in the ledger's quotas once it is known not to have run, any other at once", () => {
  const world = open("ALLOW_ALL");
  world.ask({ cost: 2 });
  const pending = world.ask({ cost: 5, isPending: true });
  const written = () => world.ledger.quotas.takeChanged(10).totals.map(({ total }) => total);
  expect(written()).toEqual([2]);
  if (pending.allowed) pending.settle(false);
  expect(written()).toEqual([7]);
});

test("request ids of different tenants are different requests", () => {
  const world = open("ALLOW_ALL");
  world.ask({ requestId: "r-1" });
  expect(world.ask({ requestId: "r-1", tenant: "globex" })).toMatchObject({ replayed: false });
  expect(world.ask({ requestId: "r-1" })).toMatchObject({ replayed: true });
});

test("answers are tallied by mode, cause and outcome", () => {
  const world = open();
  world.ask();
  world.ask({ cost: 41 });
  world.ask({ cause: "breaker_open" });
  expect(world.fallback.tally()).toEqual([
    { mode: "STATIC_LIMIT", cause: "deadline", allowed: true, answers: 1 },
    { mode: "STATIC_LIMIT", cause: "deadline", allowed: false, answers: 1 },
    { mode: "STATIC_LIMIT", cause: "breaker_open", allowed: true, answers: 1 },
  ]);
});
