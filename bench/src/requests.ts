// The requests that are measured, as the bytes that go over the wire.
import { SCOPES } from "@sluice/contract";
import { BATCH_PATH, CHECK_PATH } from "@sluice/service/check/check.http.ts";
import type { Claim } from "@sluice/service/counters/claim.ts";
import { createKeys } from "@sluice/service/counters/keys.ts";
import { TAKE_SCRIPT } from "@sluice/service/counters/scripts.redis.ts";
import { takeArguments } from "@sluice/service/counters/take-arguments.ts";
import { periodsAt } from "@sluice/service/limits/quota-period.ts";
import { UsageTotals } from "@sluice/service/usage/usage-totals.ts";
import { type ScopeCount, WINDOW_LIMITS } from "./bench-policies.ts";

/** What good answers to checks contain. */
export const DECIDED = '"reason":"OK"';
/** For Redis, whose error replies are never good: what a take replies is between the service and its script. */
export const ANY_REPLY = "";

export function checkBody(tenantId: string): string {
  return JSON.stringify(checkOf(tenantId));
}

export function checkRequest(tenantId: string): string {
  return post(CHECK_PATH, checkBody(tenantId));
}

export function batchRequest(tenantIds: readonly string[]): string {
  return post(BATCH_PATH, JSON.stringify({ checks: tenantIds.map(checkOf) }));
}

function checkOf(tenantId: string) {
  return { tenantId, userId: "u-17", apiPath: "/v1/report/export", httpMethod: "GET", cost: 1 };
}

function post(path: string, body: string): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** The EVALSHA that the service sends for a check with five windows in each scope, under keys of its own. */
export function bareTake(tenantId: string, scopes: ScopeCount): string {
  const check = { claims: claimsOf(scopes), user: "u-17", cost: 1, requestId: null, usageApi: API };
  const row = new UsageTotals("bench").row(tenantId, API, "u-17", 0, 1);
  const periods = periodsAt("Asia/Seoul", Date.now());
  const words = takeArguments(
    TAKE_SCRIPT.sha,
    { tenant: tenantId, periods, maxUsersPerDay: 100_000, checks: [check] },
    {
      keys: BARE_KEYS,
      day: periods.day.current,
      incarnation: "bench.0",
      clock: "",
      validUntilMs: Number.MAX_SAFE_INTEGER,
      shardToken: 0,
      rows: [row],
      overflowed: [false],
    },
  );
  return command(words);
}

const API = "ANY /v1/**";
const BARE_KEYS = createKeys("bare:", "bench");

/** Exists once a bare take was admitted: a refused one, which costs less, writes nothing. */
export function bareKey(tenantId: string): string {
  return BARE_KEYS.tenant(tenantId);
}

export function claimsOf(scopes: ScopeCount): Claim[] {
  return SCOPES.slice(0, scopes).map((scope) => {
    const source = { policyId: "bench", target: "PLAN", scope } as const;
    const enforced = WINDOW_LIMITS.map(({ window, limit }) => ({ window, capacity: limit, source }));
    return { scope, api: scope.endsWith("API") ? API : null, enforced, shadow: [] };
  });
}

/** A command of Redis in RESP. */
export function command(words: readonly string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join("")}`;
}
