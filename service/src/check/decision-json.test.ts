import { type Decision, problem, REASONS, SCOPES, WINDOWS } from "@sluice/contract";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decisionJson } from "./decision-json.ts";

const count = fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }));
const instant = fc.option(fc.integer({ min: 0, max: 4_102_444_800_000 }).map((atMs) => new Date(atMs).toISOString()));
const text = fc.string({ unit: "binary", maxLength: 20 });
const deniedBy = fc.record({
  policyId: text,
  target: fc.constantFrom("TENANT", "PLAN", "EVERYONE"),
  scope: fc.constantFrom(...SCOPES),
  window: fc.constantFrom(...WINDOWS),
  limit: fc.nat({ max: 1e15 }),
  used: fc.nat({ max: 1e15 }),
});
const decision: fc.Arbitrary<Decision> = fc.record(
  {
    allowed: fc.boolean(),
    reason: fc.constantFrom(...REASONS),
    status: fc.constantFrom(200, 400, 403, 404, 429, 503),
    remaining: fc.record({ perSecond: count, perMinute: count, perDay: count, quotaDaily: count, quotaMonthly: count }),
    resetAt: fc.record({ second: instant, minute: instant, day: instant, quotaDay: instant, month: instant }),
    retryAfterMs: count,
    deniedBy: fc.option(deniedBy),
    shadow: fc.array(deniedBy, { maxLength: 2 }),
    notes: fc.array(text, { maxLength: 2 }),
    policyVersion: fc.nat(),
    traceId: fc.constant("4bf92f3577b34da6a3ce929d0e0e4736"),
    problem: text.map((detail) => problem("INVALID_REQUEST", detail, [{ pointer: "/a", detail }], "t")),
  },
  {
    requiredKeys: [
      "allowed",
      "reason",
      "status",
      "remaining",
      "resetAt",
      "retryAfterMs",
      "deniedBy",
      "shadow",
      "notes",
      "policyVersion",
      "traceId",
    ],
  },
);

test("the text written by hand is the text that JSON.stringify writes", () => {
  fc.assert(
    fc.property(decision, (each) => {
      expect(decisionJson(each)).toBe(JSON.stringify(each));
    }),
    { seed: 20261122, numRuns: 1_000 },
  );
});
