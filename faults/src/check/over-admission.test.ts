import { expect, test } from "vitest";
import type { Entry } from "../journal/entry.ts";
import { createCounterFinder } from "./counters.ts";
import { historiesOf, SAME_MACHINE_ERROR_MS } from "./history.ts";
import { admitted, byFallback, limited, many, refusedByQuota, unanswered } from "./journal.world.ts";
import { costBeyond, findOverAdmission } from "./over-admission.ts";

function beyond(entries: readonly Entry[], set: ReturnType<typeof limited>) {
  const histories = historiesOf(entries, createCounterFinder(set), { clockErrorMs: SAME_MACHINE_ERROR_MS });
  const excesses = findOverAdmission(histories.values());
  return { rate: costBeyond(excesses, "rate"), quota: costBeyond(excesses, "quota") };
}

test("a quota is exceeded by the cost beyond it, and not by its last unit", () => {
  const set = limited({ quotaPerMonth: 10 });
  expect(beyond(many(10, admitted), set)).toEqual({ rate: 0, quota: 0 });
  expect(beyond([...many(10, admitted), admitted(50, { cost: 4 })], set)).toEqual({ rate: 0, quota: 4 });
});

test("only what the counters admitted counts: neither refusals, nor the Fallback's answers, nor silence", () => {
  const others = [refusedByQuota(20), byFallback(21), unanswered(22), byFallback(23, { reason: "STATIC_FALLBACK" })];
  expect(beyond([...many(10, admitted), ...others], limited({ quotaPerMonth: 10 }))).toEqual({ rate: 0, quota: 0 });
});

test("every user and every API has a limit of its own", () => {
  const ofTwoUsers = many(20, (index) => admitted(index, { user: index % 2 === 0 ? "kim" : "lee" }));
  const users = limited({ quotaPerDay: 10 }, "TENANT_USER");
  expect(beyond(ofTwoUsers, users).quota).toBe(0);
  expect(beyond([...ofTwoUsers, admitted(50, { user: "lee" })], users).quota).toBe(1);
  const anonymous = many(11, (index) => admitted(index, { user: null }));
  expect(beyond([...ofTwoUsers, ...anonymous], users).quota).toBe(1);
});

test("a second holds its limit, whenever within it; what may belong to the next one is not held against it", () => {
  const set = limited({ perSecond: 10 });
  const full = many(10, (index) => admitted(10 + index));
  expect(beyond([...full, admitted(900)], set).rate).toBe(1);
  expect(beyond([...full, admitted(998)], set).rate).toBe(0);
  expect(beyond([...full, admitted(0)], set).rate).toBe(0);
});

test("the second before weighs by what is left of it", () => {
  const set = limited({ perSecond: 10 });
  const before = many(10, (index) => admitted(100 + index));
  const half = many(5, (index) => admitted(1_500 + index));
  expect(beyond([...before, ...half], set).rate).toBe(0);
  expect(beyond([...before, ...half, admitted(1_506), admitted(1_507)], set).rate).toBe(1); // 7 + 4.9 of 10
  expect(beyond([...before, ...many(10, (index) => admitted(2_100 + index))], set).rate).toBe(0);
});

test("an excess within a bucket is found, though the bucket as a whole would hold it at its end", () => {
  const set = limited({ perSecond: 10 });
  const before = many(10, (index) => admitted(10 + index));
  const tooEarly = many(6, (index) => admitted(1_050 + index)); // 6 + 9.4
  expect(beyond([...before, ...tooEarly, admitted(1_980)], set).rate).toBe(5);
});

test("a day ends where its zone says", () => {
  const utc = limited({ quotaPerDay: 10 });
  const seoul = { ...utc, tenants: utc.tenants.map((tenant) => ({ ...tenant, timeZone: "Asia/Seoul" })) };
  const around15 = [...many(10, (index) => admitted(3 * 3_600_000 - 1_000 + index)), admitted(3 * 3_600_000 + 1_000)];
  expect(beyond(around15, utc).quota).toBe(1);
  expect(beyond(around15, seoul).quota).toBe(0);
});
