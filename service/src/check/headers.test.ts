import type { Decision } from "@sluice/contract";
import { expect, test } from "vitest";
import type { Tightest } from "./answer.ts";
import { appendRateLimitHeaders } from "./headers.ts";

function headersOf(decision: { allowed: boolean; retryAfterMs: number | null }, tightest: Tightest | null): string[] {
  const fields: string[] = [];
  appendRateLimitHeaders(fields, { decision: decision as Decision, tightest });
  return fields;
}

const minute = { window: "minute", limit: 200, remaining: 17, resetSeconds: 41 } as const;

test("an allowed check names the tightest limit and the end of its bucket", () => {
  expect(headersOf({ allowed: true, retryAfterMs: null }, minute)).toEqual([
    "RateLimit",
    '"minute";r=17;t=41',
    "RateLimit-Policy",
    '"minute";q=200;w=60',
  ]);
});

test.for([
  ["second", 1],
  ["minute", 60],
  ["day", 86_400],
  ["quotaDay", 86_400],
  ["month", 2_592_000],
] as const)("the window %s is %d seconds wide", ([window, seconds]) => {
  const fields = headersOf({ allowed: true, retryAfterMs: null }, { ...minute, window });
  expect(fields[3]).toBe(`"${window}";q=200;w=${seconds}`);
});

test.for([
  [1_834, "2", "2"],
  [1_000, "1", "1"],
  [1_001, "2", "2"],
  [1, "1", "1"],
  [0, "0", "1"],
])("a refusal with %d ms to wait has t=%s and Retry-After: %s", ([retryAfterMs, t, retryAfter]) => {
  expect(headersOf({ allowed: false, retryAfterMs: Number(retryAfterMs) }, { ...minute, remaining: 0 })).toEqual([
    "RateLimit",
    `"minute";r=0;t=${t}`,
    "RateLimit-Policy",
    '"minute";q=200;w=60',
    "Retry-After",
    retryAfter,
  ]);
});

test("a refusal that never passes names the end of the bucket and no time to retry", () => {
  const fields = headersOf({ allowed: false, retryAfterMs: null }, { ...minute, remaining: 0 });
  expect(fields).not.toContain("Retry-After");
  expect(fields[1]).toBe('"minute";r=0;t=41');
});

test("where nothing limits there is nothing to say but when to retry", () => {
  expect(headersOf({ allowed: true, retryAfterMs: null }, null)).toEqual([]);
  expect(headersOf({ allowed: false, retryAfterMs: 250 }, null)).toEqual(["Retry-After", "1"]);
});

test("the greatest quota is written as the greatest integer of a structured field", () => {
  const greatest = { window: "month", limit: 10 ** 15, remaining: 10 ** 15, resetSeconds: 1 } as const;
  expect(headersOf({ allowed: true, retryAfterMs: null }, greatest)).toEqual([
    "RateLimit",
    '"month";r=999999999999999;t=1',
    "RateLimit-Policy",
    '"month";q=999999999999999;w=2592000',
  ]);
});
