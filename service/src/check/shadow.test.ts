import { expect, test } from "vitest";
import { openWorld } from "./check.world.ts";

const shadowed = {
  plan: { perMinute: 100 },
  policies: [{ id: "trial", enforcement: "SHADOW", scope: "TENANT_API", limits: { perMinute: 3 } }],
} as const;

test("a SHADOW limit that the check still fits is not listed", async () => {
  const world = await openWorld(shadowed);
  expect((await world.check({ cost: 3 })).shadow).toEqual([]);
});

test("a SHADOW limit that would have refused is listed with what stood before the check", async () => {
  const world = await openWorld(shadowed);
  await world.check({ cost: 2 });
  const decision = await world.check({ cost: 2 });
  expect(decision.shadow).toEqual([
    { policyId: "trial", target: "TENANT", scope: "TENANT_API", window: "minute", limit: 3, used: 2 },
  ]);
  expect(decision).toMatchObject({ allowed: true, retryAfterMs: null, deniedBy: null, remaining: { perMinute: 96 } });
});

test("a SHADOW window goes on counting above its limit", async () => {
  const world = await openWorld(shadowed);
  for (const _ of [1, 2, 3]) await world.check({ cost: 4 });
  expect((await world.check({ cost: 1 })).shadow).toMatchObject([{ limit: 3, used: 12 }]);
});

test("of a refused check the SHADOW limits are judged with its cost, which they did not take", async () => {
  const world = await openWorld(shadowed);
  await world.check({ cost: 2 });
  const refused = await world.check({ cost: 101 });
  expect(refused).toMatchObject({ allowed: false, deniedBy: { policyId: "plan:FREE" } });
  expect(refused.shadow).toMatchObject([{ policyId: "trial", used: 2 }]);
  expect((await world.check({ cost: 1 })).shadow).toEqual([]);
});

test("a look is listed only where the SHADOW estimate already exceeds its limit", async () => {
  const world = await openWorld(shadowed);
  await world.check({ cost: 3 });
  expect((await world.check({ cost: 0 })).shadow).toEqual([]);
  await world.check({ cost: 1 });
  expect((await world.check({ cost: 0 })).shadow).toMatchObject([{ used: 4 }]);
});

test("a replayed check takes nothing, so it is judged as a look", async () => {
  const world = await openWorld(shadowed);
  await world.check({ cost: 3, requestId: "r-1" });
  expect((await world.check({ cost: 3, requestId: "r-1" })).shadow).toEqual([]);
});

test("a SHADOW limit of 0 would have blocked every check, looks included", async () => {
  const world = await openWorld({ policies: [{ id: "trial", enforcement: "SHADOW", limits: { perMinute: 0 } }] });
  expect(await world.check({ cost: 0 })).toMatchObject({ allowed: true, shadow: [{ limit: 0, used: 0 }] });
});

test("SHADOW limits never enter remaining or the tightest limit", async () => {
  const world = await openWorld({ policies: [{ id: "trial", enforcement: "SHADOW", limits: { perMinute: 3 } }] });
  const { decision, tightest } = await world.answer();
  expect(decision.remaining.perMinute).toBeNull();
  expect(tightest).toBeNull();
});
