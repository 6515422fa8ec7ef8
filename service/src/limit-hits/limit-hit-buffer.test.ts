import * as fc from "fast-check";
import { expect, test } from "vitest";
import { OTHER_USER } from "../usage/special-users.ts";
import { hit, line, MINUTE_MS, NOON_MS } from "./limit-hit.world.ts";
import { LimitHitBuffer } from "./limit-hit-buffer.ts";

const ALL = Number.POSITIVE_INFINITY;
const HOUR_MS = 60 * MINUTE_MS;

test("refusals of one minute that are alike are one line with first, last, count and cost", () => {
  const buffer = new LimitHitBuffer();
  buffer.note(hit({ atMs: NOON_MS + 30_000, cost: 2 }));
  buffer.note(hit({ atMs: NOON_MS + 10_000, cost: 3 }));
  buffer.note(hit({ atMs: NOON_MS + 59_999, cost: 5 }));
  expect(buffer.drain(ALL)).toEqual([line({ hits: 3, cost: 10, firstMs: NOON_MS + 10_000, lastMs: NOON_MS + 59_999 })]);
});

test("whatever differs, the line differs", () => {
  const buffer = new LimitHitBuffer();
  const others = [
    { tenant: "globex" },
    { user: "" },
    { api: "POST /v1/**" },
    { reason: "BLOCKED" },
    { window: "second" },
    { window: null },
    { policyId: "p-1" },
    { scope: "TENANT_USER" },
    { dayLabel: 20261123 },
    { atMs: NOON_MS + MINUTE_MS },
  ] as const;
  for (const part of [{}, ...others]) buffer.note(hit(part));
  expect(buffer.drain(ALL)).toHaveLength(1 + others.length);
});

test("what was drained is not drained again, what came after is", () => {
  const buffer = new LimitHitBuffer();
  buffer.note(hit({ atMs: NOON_MS }));
  expect(buffer.drain(ALL)).toHaveLength(1);
  expect(buffer.drain(ALL)).toEqual([]);
  buffer.note(hit({ atMs: NOON_MS + 1 }));
  expect(buffer.drain(ALL)).toEqual([line({ firstMs: NOON_MS + 1, lastMs: NOON_MS + 1 })]);
});

test("drained in parts, the oldest lines come first and none is missing", () => {
  const buffer = new LimitHitBuffer();
  for (let user = 0; user < 5; user += 1) buffer.note(hit({ user: `u${user}` }));
  const users = [buffer.drain(2), buffer.drain(2), buffer.drain(2)].map((lines) => lines.map(({ user }) => user));
  expect(users).toEqual([["u0", "u1"], ["u2", "u3"], ["u4"]]);
});

test("an attacker with many user ids fills his tenant's hour and no more; other tenants keep their lines", () => {
  const buffer = new LimitHitBuffer({ lines: 100, linesPerHour: 50, tenantLinesPerHour: 3 });
  for (let user = 0; user < 1_000; user += 1) buffer.note(hit({ user: `u${user}`, atMs: NOON_MS + user }));
  buffer.note(hit({ tenant: "globex" }));
  const lines = buffer.drain(ALL);
  expect(lines.map(({ tenant, user, hits }) => `${tenant} ${user} ${hits}`)).toEqual([
    "acme u0 1",
    "acme u1 1",
    "acme u2 1",
    `acme ${OTHER_USER} 997`,
    "globex kim 1",
  ]);
  expect(lines[3]).toMatchObject({ api: "(other)", reason: "RATE_LIMIT_EXCEEDED", policyId: "plan:FREE" });
  expect(buffer.tally()).toEqual({ named: 4, folded: 997, dropped: 0 });
});

test("a line that is refused all minute long is opened once, however often it is drained", () => {
  const buffer = new LimitHitBuffer({ lines: 100, linesPerHour: 50, tenantLinesPerHour: 1 });
  for (let second = 0; second < 60; second += 5) {
    buffer.note(hit({ atMs: NOON_MS + second * 1_000 }));
    expect(buffer.drain(ALL)).toMatchObject([{ user: "kim" }]);
    buffer.forget(NOON_MS + second * 1_000);
  }
  buffer.forget(NOON_MS + MINUTE_MS);
  buffer.note(hit({ atMs: NOON_MS + MINUTE_MS }));
  expect(buffer.drain(ALL)).toMatchObject([{ user: OTHER_USER }]);
});

test("the next hour has room again", () => {
  const buffer = new LimitHitBuffer({ lines: 100, linesPerHour: 1, tenantLinesPerHour: 1 });
  for (const atMs of [NOON_MS, NOON_MS + MINUTE_MS, NOON_MS + HOUR_MS]) buffer.note(hit({ atMs }));
  expect(buffer.drain(ALL).map(({ user }) => user)).toEqual(["kim", OTHER_USER, "kim"]);
});

test("while nothing is drained, minutes of folded refusals pile up in one line", () => {
  const buffer = new LimitHitBuffer({ lines: 2, linesPerHour: 1_000, tenantLinesPerHour: 1_000 });
  for (let minute = 0; minute < 100; minute += 1) {
    buffer.forget(NOON_MS + minute * MINUTE_MS);
    buffer.note(hit({ atMs: NOON_MS + minute * MINUTE_MS }));
  }
  const lines = buffer.drain(ALL);
  expect(lines.map(({ hits }) => hits)).toEqual([1, 1, 98]);
  expect(lines[2]).toMatchObject({ minuteMs: NOON_MS + 2 * MINUTE_MS, lastMs: NOON_MS + 99 * MINUTE_MS });
});

test("whatever is refused and however it is drained, every hit and cost is in a line or counted as dropped", () => {
  const someHit = fc
    .record({
      tenant: fc.constantFrom("a", "b", "c", "d"),
      user: fc.constantFrom("u", "v", "w"),
      window: fc.constantFrom("second", "minute", null),
      cost: fc.integer({ min: 1, max: 9 }),
      atMs: fc.integer({ min: NOON_MS, max: NOON_MS + 3 * MINUTE_MS }),
    })
    .map((part) => ({ kind: "hit" as const, part }));
  const drain = fc.record({ kind: fc.constant("drain" as const), most: fc.integer({ min: 1, max: 4 }) });
  fc.assert(
    fc.property(fc.array(fc.oneof({ arbitrary: someHit, weight: 5 }, drain), { maxLength: 200 }), (acts) => {
      const bounds = { lines: 3, linesPerHour: 6, tenantLinesPerHour: 2 };
      const buffer = new LimitHitBuffer(bounds);
      const drained: { hits: number; cost: number }[] = [];
      for (const act of acts) {
        if (act.kind === "hit") buffer.note(hit(act.part));
        else {
          drained.push(...buffer.drain(act.most));
          buffer.forget(NOON_MS + 2 * MINUTE_MS);
        }
      }
      const last = buffer.drain(ALL);
      expect(last.length).toBeLessThanOrEqual(2 * bounds.lines);
      const hits = acts.flatMap((act) => (act.kind === "hit" ? [act.part.cost] : []));
      const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
      const { named, folded, dropped } = buffer.tally();
      const written = [...drained, ...last];
      expect(sum(written.map((each) => each.hits)) + dropped).toBe(hits.length);
      expect(named + folded + dropped).toBe(hits.length);
      if (dropped === 0) expect(sum(written.map((each) => each.cost))).toBe(sum(hits));
    }),
    { seed: 429, numRuns: 300 },
  );
});
