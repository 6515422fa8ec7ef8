import { expect, test } from "vitest";
import { OTHER_USER } from "../usage/special-users.ts";
import { NOON, openWorld } from "./check.world.ts";

test("a refusal is noted with the limit that refused, whoever asked and what it cost", async () => {
  const world = await openWorld({ plan: { perMinute: 2 }, policies: [{ id: "p-1", limits: { perDay: 100 } }] });
  await world.check({ user: "kim", cost: 2 });
  await world.check({ user: "kim", cost: 2 });
  await world.check({ user: "kim", cost: 1 });
  expect(world.limitHits.drain(10)).toEqual([
    {
      tenant: "acme",
      user: "kim",
      api: "ANY /v1/**",
      reason: "RATE_LIMIT_EXCEEDED",
      window: "minute",
      policyId: "plan:FREE",
      scope: "TENANT",
      // Noon in UTC is nine in the evening in Seoul.
      dayLabel: 20261122,
      minuteMs: NOON,
      hits: 2,
      cost: 3,
      firstMs: NOON,
      lastMs: NOON,
    },
  ]);
});

test("what was allowed and what only looked leaves no trace, in a batch as alone", async () => {
  const world = await openWorld({ plan: { perMinute: 1 } });
  await world.check();
  await world.check({ cost: 0 });
  expect(world.limitHits.drain(10)).toEqual([]);
  await world.batch([{ cost: 0 }, { cost: 1 }, { cost: 1 }]);
  expect(world.limitHits.drain(10)).toMatchObject([{ hits: 2 }]);
  const blocked = await openWorld({ plan: { perMinute: 0 } });
  expect(await blocked.check({ cost: 0 })).toMatchObject({ reason: "BLOCKED" });
  expect(blocked.limitHits.drain(10)).toEqual([]);
});

test("blocked, suspended and refused by the Fallback are noted under their reasons, without a limit where none refused", async () => {
  const world = await openWorld({
    policies: [{ id: "p-1", limits: { perMinute: 0 } }],
    tenants: [
      { id: "asleep", status: "SUSPENDED" },
      { id: "free", plan: "FREE" },
    ],
    fallback: "BLOCK_ALL",
  });
  await world.check();
  await world.check({ tenantId: "asleep" });
  world.store.state.outage = { cause: "deadline", probeInMs: null, runsAnyway: false };
  await world.batch([{ tenantId: "free", segments: ["v2"] }]);
  expect(world.limitHits.drain(10)).toMatchObject([
    { tenant: "acme", reason: "BLOCKED", window: "minute", policyId: "p-1", scope: "TENANT_API" },
    { tenant: "asleep", reason: "TENANT_SUSPENDED", window: null, policyId: null, scope: null, api: "ANY /**" },
    { tenant: "free", reason: "BLOCK_FALLBACK", window: null, policyId: null, scope: null },
  ]);
});

test("unknown tenants are one line, whatever ids a caller makes up", async () => {
  const world = await openWorld();
  for (let n = 0; n < 50; n += 1) await world.check({ tenantId: `made-up-${n}`, user: `u${n}` });
  expect(world.limitHits.drain(100)).toMatchObject([
    { tenant: "(unknown)", user: OTHER_USER, api: "(other)", reason: "TENANT_NOT_FOUND", hits: 50, dayLabel: 20261122 },
  ]);
});

test("a refusal belongs to the tenant's date at the instant of the decision", async () => {
  const world = await openWorld({ policies: [{ id: "p-1", limits: { perMinute: 0 } }] });
  world.clock.nowMs = Date.parse("2026-11-22T14:59:59.999Z");
  await world.check();
  world.clock.nowMs += 1;
  await world.check();
  expect(world.limitHits.drain(10).map(({ dayLabel }) => dayLabel)).toEqual([20261122, 20261123]);
});
