import { expect, test } from "vitest";
import type { Entry, Stall } from "../journal/entry.ts";
import { figuresOf, type Run } from "./figures.ts";
import { admitted, byFallback, limited, many, NOON_MS, refusedByQuota, unanswered } from "./journal.world.ts";

const timeline = { warmMs: NOON_MS, inflictedMs: NOON_MS + 1_000, mendedMs: NOON_MS + 3_000, endMs: NOON_MS + 9_000 };

function figures(entries: readonly Entry[], over: Partial<Run> = {}, stalls: readonly Stall[] = []) {
  const journal = { entries, stalls };
  const policies = limited({ quotaPerMonth: 1_000 });
  return figuresOf({ journal, policies, timeline, struck: ["acme"], machineStalls: [], ...over }).figures;
}

/** One request every 20 ms. */
const steady = (fromMs: number, toMs: number, make = admitted) =>
  many((toMs - fromMs) / 20, (index) => make(fromMs + index * 20));

test("a run in which nothing happens has nothing to show", () => {
  expect(figures(steady(0, 9_000))).toMatchObject({
    requests: 450,
    wrongDenials: 0,
    quotaOverAdmission: 0,
    errorShare: 0,
    unanswered: 0,
    fallbackStruck: 0,
    recoveryMs: 0,
    returnMs: 0,
    p99Ms: 4,
  });
});

test("the recovery ends with the last answer that was not exact, counted from the fault and from its mending", () => {
  const run = [...steady(0, 1_000), ...steady(1_000, 4_000, byFallback), ...steady(4_000, 9_000)];
  expect(figures(run)).toMatchObject({ recoveryMs: 2_984, returnMs: 984, fallbackStruck: 150, fallbackCost: 150 });
});

test("a moment of exact answers between others is no recovery", () => {
  const run = [
    ...steady(0, 1_000),
    ...steady(1_000, 2_000, byFallback),
    ...steady(2_000, 2_600),
    ...steady(2_600, 3_600, byFallback),
    ...steady(3_600, 9_000),
  ];
  expect(figures(run).recoveryMs).toBe(2_584);
});

test("a single Fallback answer after the recovery is no second outage", () => {
  const run = [...steady(0, 1_000), ...steady(1_000, 2_000, byFallback), ...steady(2_000, 6_000), byFallback(6_000)];
  expect(figures([...run, ...steady(6_020, 9_000)])).toMatchObject({ recoveryMs: 984 });
});

test("a mending that makes answers inexact anew is over when they are exact again", () => {
  const run = [...steady(0, 3_000), ...steady(3_000, 4_500, byFallback), ...steady(4_500, 9_000)];
  expect(figures(run)).toMatchObject({ recoveryMs: 0, returnMs: 1_484 });
});

test("what the Fallback answered in a stall of the machine does not make a recovery longer", () => {
  const back = [...steady(2_000, 2_500), byFallback(2_500), ...steady(2_520, 9_000)];
  const run = [...steady(0, 1_000), ...steady(1_000, 2_000, byFallback), ...back];
  const stall = { kind: "stall", fromMs: NOON_MS + 2_499, toMs: NOON_MS + 2_503 } as const;
  expect(figures(run).recoveryMs).toBe(1_504);
  expect(figures(run, { machineStalls: [stall] }).recoveryMs).toBe(984);
});

test("a Fallback answer that met a stall of the machine is told apart from those of the stack", () => {
  const run = [...steady(0, 2_000), byFallback(500), byFallback(1_500), byFallback(1_600, { tenant: "other" })];
  const stalled = (atMs: number) => [{ kind: "stall", fromMs: NOON_MS + atMs, toMs: NOON_MS + atMs + 4 } as const];
  const none = { fallbackBefore: 1, fallbackStruck: 1, fallbackElsewhere: 1, fallbackInStalls: 0 };
  expect(figures(run)).toMatchObject(none);
  expect(figures(run, { machineStalls: stalled(700) })).toMatchObject(none);
  expect(figures(run, { machineStalls: stalled(1_502) })).toMatchObject({ fallbackStruck: 0, fallbackInStalls: 1 });
  expect(figures(run, { machineStalls: stalled(1_597) })).toMatchObject({ fallbackElsewhere: 0, fallbackInStalls: 1 });
});

test("of a tenant that is asked rarely, ten exact answers are waited for", () => {
  const rarely = steady(2_000, 9_000).filter((_, index) => index % 10 === 0);
  const run = [...steady(0, 1_000), byFallback(1_500)];
  expect(figures([...run, ...rarely]).recoveryMs).toBe(504);
  expect(figures([...run, ...rarely.slice(-9)]).recoveryMs).toBe(Number.POSITIVE_INFINITY);
});

test("who never recovers has recovered never", () => {
  expect(figures([...steady(0, 1_000), ...steady(1_000, 9_000, byFallback)]).recoveryMs).toBe(Number.POSITIVE_INFINITY);
});

test("tenants that are not struck do not delay the recovery, but their Fallback answers are told", () => {
  const other = byFallback(5_000, { tenant: "other" });
  const policies = limited({ quotaPerMonth: 1_000 });
  expect(figures([...steady(0, 9_000), other], { policies })).toMatchObject({ recoveryMs: 0, fallbackElsewhere: 1 });
});

test("no answer without a requestId stands apart; with one, or any other failure, it is an error", () => {
  const run = [
    ...steady(0, 9_000),
    unanswered(1_000),
    unanswered(1_001, { status: 502 }),
    unanswered(1_002, { requestId: "a" }),
    unanswered(1_003, { status: 500 }),
    unanswered(1_004, { status: 400 }),
  ];
  const { errorShare, unanswered: apart } = figures(run);
  expect(apart).toBe(2);
  expect(errorShare).toBeCloseTo(3 / 455);
});

test("refusals without a reason and admissions beyond the limit are found in a whole run", () => {
  const run = [...steady(0, 1_000), refusedByQuota(1_500)];
  expect(figures(run).wrongDenials).toBe(1);
  expect(figures(run, { policies: limited({ quotaPerMonth: 40 }) })).toMatchObject({
    wrongDenials: 0,
    quotaOverAdmission: 10,
  });
});

test("latency counts from when a request was due, and leaves out what met a stall of the generator", () => {
  const slow = many(5, (index) => admitted(2_000 + index, { lateMs: 30, tookMs: 10 }));
  const run = [...steady(0, 2_000), ...slow];
  expect(figures(run).p99Ms).toBe(40);
  const stall = { kind: "stall", fromMs: NOON_MS + 1_960, toMs: NOON_MS + 2_000 } as const;
  const { p99Ms, leftOutShare } = figures(run, {}, [stall]);
  expect(p99Ms).toBe(4);
  expect(leftOutShare).toBeGreaterThan(0);
});

test("what met a stall of the machine is left out of one latency, and stays in the other", () => {
  const slow = many(5, (index) => admitted(2_000 + index, { lateMs: 30, tookMs: 10 }));
  const run = [...steady(0, 2_000), ...slow];
  expect(figures(run)).toMatchObject({ faultP99Ms: 40, clearP99Ms: 40 });
  const machineStalls = [{ kind: "stall", fromMs: NOON_MS + 1_960, toMs: NOON_MS + 2_000 }] as const;
  expect(figures(run, { machineStalls })).toMatchObject({ faultP99Ms: 40, clearP99Ms: 4 });
});

test("a quota that was full before the fault must not admit anything after it", () => {
  const full = [...steady(0, 900), refusedByQuota(950)];
  const policies = limited({ quotaPerMonth: 45 });
  expect(figures([...full, refusedByQuota(2_000)], { policies }).quotaReopenedMs).toBe(0);
  expect(figures([...full, admitted(1_500), refusedByQuota(2_000)], { policies }).quotaReopenedMs).toBe(504);
  const tooCostly = [...steady(0, 880), refusedByQuota(950, { cost: 5 })];
  expect(figures([...tooCostly, admitted(1_500)], { policies }).quotaReopenedMs).toBe(0);
});
