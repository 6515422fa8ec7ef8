import { expect, test } from "vitest";
import { openWorld } from "./check.world.ts";

test("the limit with the smallest part left speaks for an allowed check", async () => {
  const world = await openWorld({ plan: { perMinute: 100, quotaPerMonth: 40 } });
  await world.check({ cost: 30 });
  world.clock.nowMs += 250;
  const { tightest } = await world.answer();
  // 9 of 40 are less than 69 of 100; noon in London leaves 8 days and 3 hours of the month in Seoul.
  expect(tightest).toEqual({ window: "month", limit: 40, remaining: 9, resetSeconds: 8 * 86_400 + 3 * 3_600 });
});

test("of equal parts the one with less left speaks", async () => {
  const slow = await openWorld({ plan: { perSecond: 10, perMinute: 100 } });
  expect((await slow.answer({ cost: 0 })).tightest).toMatchObject({ window: "second", remaining: 10 });
  const bursty = await openWorld({ plan: { perSecond: 100, perMinute: 10 } });
  expect((await bursty.answer({ cost: 0 })).tightest).toMatchObject({ window: "minute", remaining: 10 });
});

test("a refusal is spoken for by the limit that is named in deniedBy", async () => {
  const world = await openWorld({ plan: { perSecond: 5, perMinute: 5, perDay: 1_000 } });
  await world.check({ cost: 5 });
  const { decision, tightest } = await world.answer({ cost: 2 });
  expect(decision.deniedBy?.window).toBe("minute");
  expect(tightest).toEqual({ window: "minute", limit: 5, remaining: 0, resetSeconds: 60 });
});

test("a blocked call is spoken for by the limit of 0", async () => {
  const world = await openWorld({ plan: { perMinute: 5 }, policies: [{ id: "closed", limits: { perDay: 0 } }] });
  expect((await world.answer()).tightest).toEqual({ window: "day", limit: 0, remaining: 0, resetSeconds: 43_200 });
});
