import { expect, test } from "vitest";
import type { Entry } from "../journal/entry.ts";
import { createCounterFinder } from "./counters.ts";
import { historiesOf, SAME_MACHINE_ERROR_MS } from "./history.ts";
import { admitted, byFallback, limited, many, refusedByQuota, refusedByRate, unanswered } from "./journal.world.ts";
import { findWrongDenials } from "./wrong-denials.ts";

function wrongOf(entries: readonly Entry[], set: ReturnType<typeof limited>): readonly Entry[] {
  const countersOf = createCounterFinder(set);
  const histories = historiesOf(entries, countersOf, { clockErrorMs: SAME_MACHINE_ERROR_MS });
  return findWrongDenials(entries, countersOf, histories, SAME_MACHINE_ERROR_MS);
}

const monthOf10 = limited({ quotaPerMonth: 10 });
const secondOf10 = limited({ perSecond: 10 });

test("a refusal by a quota that is used up is right, and one a cost before is wrong", () => {
  const full = [...many(10, (index) => admitted(index * 100)), refusedByQuota(1_100)];
  expect(wrongOf(full, monthOf10)).toEqual([]);
  const early = [...many(9, (index) => admitted(index * 100)), refusedByQuota(1_100)];
  expect(wrongOf(early, monthOf10)).toEqual([early[9]]);
});

test("the cost of the refused request counts: what does not fit any more is refused rightly", () => {
  const entries = [...many(8, (index) => admitted(index * 100)), refusedByQuota(1_100, { cost: 3 })];
  expect(wrongOf(entries, monthOf10)).toEqual([]);
  const fits = [...many(8, (index) => admitted(index * 100)), refusedByQuota(1_100, { cost: 2 })];
  expect(wrongOf(fits, monthOf10)).toHaveLength(1);
});

test("what was refused, or sent after the refusal was answered, used nothing up", () => {
  const refused = many(10, (index) => refusedByQuota(index * 10));
  expect(wrongOf([...refused, refusedByQuota(200)], monthOf10)).toHaveLength(11);
  expect(wrongOf([refusedByQuota(0), ...many(10, (index) => admitted(50 + index))], monthOf10)).toHaveLength(1);
});

test("what overlaps the refusal may have been counted before it", () => {
  const overlapping = many(10, (index) => admitted(index, { tookMs: 100 }));
  expect(wrongOf([...overlapping, refusedByQuota(50)], monthOf10)).toEqual([]);
});

test("what the Fallback admitted, and what was left unanswered, may be in a quota at any time after it", () => {
  const pending = [...many(5, (index) => byFallback(index)), ...many(5, (index) => unanswered(index))];
  expect(wrongOf([...pending, refusedByQuota(60_000)], monthOf10)).toEqual([]);
});

test("what was asked of two instances may be in a quota twice: the Fallback of one may have admitted it as well", () => {
  const asked = (over: object) => admitted(0, { cost: 5, requestId: "a", ...over });
  expect(wrongOf([asked({ retries: 1 }), refusedByQuota(60_000)], monthOf10)).toEqual([]);
  expect(wrongOf([asked({ retries: 0 }), refusedByQuota(60_000)], monthOf10)).toHaveLength(1);
});

test("in a sliding window only what was counted in its two buckets weighs", () => {
  const burst = many(10, (index) => admitted(index));
  expect(wrongOf([...burst, refusedByRate(500)], secondOf10)).toEqual([]);
  expect(wrongOf([...burst, refusedByRate(1_010)], secondOf10)).toEqual([]); // the second before weighs 9.9
  expect(wrongOf([...burst, refusedByRate(1_600, { cost: 5 })], secondOf10)).toHaveLength(1); // it weighs 4
  expect(wrongOf([...burst, refusedByRate(2_100)], secondOf10)).toHaveLength(1); // it weighs nothing
});

test("what timed out may weigh in the second it ran in, not in later ones", () => {
  const pending = many(10, (index) => byFallback(index));
  expect(wrongOf([...pending, refusedByRate(500)], secondOf10)).toEqual([]);
  expect(wrongOf([...pending, refusedByRate(5_500)], secondOf10)).toHaveLength(1);
});

test("a refusal must name a limit that the policies have, in a counter that is full", () => {
  const full = many(10, (index) => admitted(index));
  const otherWindow = refusedByQuota(100, { refuser: { scope: "TENANT", window: "quotaDay" } });
  const otherScope = refusedByQuota(100, { refuser: { scope: "TENANT_USER", window: "month" } });
  expect(wrongOf([...full, otherWindow, otherScope], monthOf10)).toEqual([otherWindow, otherScope]);
});

test("a user's quota is filled by that user alone, an API's by that API alone", () => {
  const users = limited({ quotaPerDay: 10 }, "TENANT_USER");
  const refuser = { scope: "TENANT_USER", window: "quotaDay" } as const;
  const ofKim = many(10, (index) => admitted(index));
  expect(wrongOf([...ofKim, refusedByQuota(100, { refuser })], users)).toEqual([]);
  expect(wrongOf([...ofKim, refusedByQuota(100, { refuser, user: "lee" })], users)).toHaveLength(1);
  const api = limited({ quotaPerDay: 10 }, "TENANT_API", "/orders/**");
  const ofApi = { scope: "TENANT_API", window: "quotaDay" } as const;
  expect(wrongOf([...ofKim, refusedByQuota(100, { refuser: ofApi, user: "lee" })], api)).toEqual([]);
  const elsewhere = many(10, (index) => admitted(index, { path: "/reports" }));
  expect(wrongOf([...elsewhere, refusedByQuota(100, { refuser: ofApi })], api)).toHaveLength(1);
});

test("no tenant of a load is unknown, suspended or blocked; what can never pass is refused without a limit's name", () => {
  const unknown = admitted(0, { reason: "TENANT_NOT_FOUND", allowed: false });
  expect(wrongOf([unknown], monthOf10)).toEqual([unknown]);
  const tooCostly = refusedByQuota(0, { refuser: null, cost: 11 });
  const cheap = refusedByQuota(0, { refuser: null, cost: 10 });
  expect(wrongOf([tooCostly, cheap], monthOf10)).toEqual([cheap]);
});

test("a refusal by the Fallback is its mode's, and no claim about a limit", () => {
  expect(wrongOf([admitted(0, { reason: "BLOCK_FALLBACK", allowed: false })], monthOf10)).toEqual([]);
});
