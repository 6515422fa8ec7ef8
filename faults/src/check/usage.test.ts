import { expect, test } from "vitest";
import { admitted, byFallback, many, refusedByQuota, unanswered } from "./journal.world.ts";
import { balanceUsage } from "./usage.ts";

const NO_KILLS = { atMs: [], unwrittenMs: 0 };

const entries = [...many(10, admitted), byFallback(20, { cost: 5 }), refusedByQuota(30), unanswered(40, { cost: 3 })];

test("what was admitted must be in the rows, what was left unanswered may be", () => {
  expect(balanceUsage(entries, new Map([["acme", 15]]), NO_KILLS)).toEqual({ lost: 0, ofKilled: 0, surplus: 0 });
  expect(balanceUsage(entries, new Map([["acme", 18]]), NO_KILLS)).toEqual({ lost: 0, ofKilled: 0, surplus: 0 });
});

test("less is lost, more was counted twice", () => {
  expect(balanceUsage(entries, new Map([["acme", 14]]), NO_KILLS)).toEqual({ lost: 1, ofKilled: 0, surplus: 0 });
  expect(balanceUsage(entries, new Map([["acme", 20]]), NO_KILLS)).toEqual({ lost: 0, ofKilled: 0, surplus: 2 });
  expect(balanceUsage(entries, new Map(), NO_KILLS)).toEqual({ lost: 15, ofKilled: 0, surplus: 0 });
});

test("one tenant's surplus does not make up for another's loss", () => {
  const two = [...entries, admitted(50, { tenant: "other", cost: 4 })];
  const recorded = new Map([
    ["acme", 22],
    ["other", 0],
  ]);
  expect(balanceUsage(two, recorded, NO_KILLS)).toEqual({ lost: 4, ofKilled: 0, surplus: 4 });
});

test("what the Fallback admitted shortly before an instance was killed may be missing or there twice, and nothing else", () => {
  const killedMs = byFallback(20).sentMs + 100;
  const after = (unwrittenMs: number) => ({ atMs: [killedMs], unwrittenMs });
  expect(balanceUsage(entries, new Map([["acme", 10]]), after(1_000))).toEqual({ lost: 0, ofKilled: 5, surplus: 0 });
  expect(balanceUsage(entries, new Map([["acme", 12]]), after(1_000))).toEqual({ lost: 0, ofKilled: 3, surplus: 0 });
  expect(balanceUsage(entries, new Map([["acme", 9]]), after(1_000))).toEqual({ lost: 1, ofKilled: 5, surplus: 0 });
  expect(balanceUsage(entries, new Map([["acme", 23]]), after(1_000))).toEqual({ lost: 0, ofKilled: 5, surplus: 0 });
  expect(balanceUsage(entries, new Map([["acme", 24]]), after(1_000))).toEqual({ lost: 0, ofKilled: 5, surplus: 1 });
  expect(balanceUsage(entries, new Map([["acme", 10]]), after(10))).toEqual({ lost: 5, ofKilled: 0, surplus: 0 });
  expect(balanceUsage(entries, new Map([["acme", 10]]), NO_KILLS)).toEqual({ lost: 5, ofKilled: 0, surplus: 0 });
});

test("what was asked of two instances may be there twice", () => {
  const asked = { requestId: "a", cost: 4 };
  const again = (over: object) => [...entries, admitted(60, { ...asked, ...over })];
  const held = new Map([["acme", 23]]);
  const surplusOf = (over: object) => balanceUsage(again(over), held, NO_KILLS).surplus;
  expect([surplusOf({ retries: 1 }), surplusOf({ tookMs: 2_004 })]).toEqual([0, 0]);
  expect([surplusOf({}), surplusOf({ tookMs: 2_004, requestId: null })]).toEqual([1, 1]);
});
