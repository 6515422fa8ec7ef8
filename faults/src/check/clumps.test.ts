import { expect, test } from "vitest";
import { clumpsOf } from "./clumps.ts";
import { byFallback, NOON_MS } from "./journal.world.ts";

const FAULT_MS = NOON_MS + 1_000;

test("answers that came together are one clump, and how long callers waited tells a deadline from an open breaker", () => {
  const together = [byFallback(2_000, { tookMs: 9 }), byFallback(2_200, { tookMs: 1, tenant: "other" })];
  const clumps = clumpsOf([byFallback(500), ...together], [], FAULT_MS);
  expect(clumps).toEqual([
    { fromMs: -500, lengthMs: 4, answers: 1, clear: 1, tenants: ["acme"], tookMs: [4, 4], stall: null },
    { fromMs: 1_000, lengthMs: 201, answers: 2, clear: 2, tenants: ["acme", "other"], tookMs: [1, 9], stall: null },
  ]);
});

test("the longest stall of the second before tells what may have begun it", () => {
  const stalled = (atMs: number, lengthMs: number) =>
    ({ kind: "stall", fromMs: NOON_MS + atMs, toMs: NOON_MS + atMs + lengthMs }) as const;
  const stalls = [stalled(900, 500), stalled(1_200, 70), stalled(1_990, 12), stalled(2_300, 90)];
  const [clump] = clumpsOf([byFallback(2_000), byFallback(2_100)], stalls, FAULT_MS);
  expect(clump).toMatchObject({ answers: 2, clear: 1, stall: { atMs: 200, lengthMs: 70 } });
});
