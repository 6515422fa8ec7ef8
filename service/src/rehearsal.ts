// Checks that nobody asked for, before the first caller comes: none of theirs shall meet code that has never run. The first
// answers of a process took 18 to 41 and 6 to 12 ms, which is more than a deadline, so that a deployment cost answers of the
// Fallback; after this the first takes 3 to 8.
//
// Promise: leaves no trace. The way is the real one, from the bytes of a request to those of its answer, but policies,
// Fallback and metrics are its own, connections lead nowhere, and the store is only looked at (cost 0), under names that no
// tenant can have. A store that is away makes it shorter, not longer, and nothing of it fails a start.
import { createServer, request } from "node:http";
import { duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import type { CheckRequest } from "@sluice/contract";
import { createCallers } from "./auth/callers.http.ts";
import { CHECK_PATH, createCheckDoor } from "./check/check.http.ts";
import { type CheckCounters, createChecks } from "./check/check.ts";
import { createFallback } from "./fallback/fallback.ts";
import { createLedger } from "./fallback/ledger.ts";
import { ALONE } from "./fallback/worker-census.ts";
import { LimitHitBuffer } from "./limit-hits/limit-hit-buffer.ts";
import { createCalendar } from "./limits/calendar.ts";
import { createMetrics } from "./platform/metrics.ts";
import { createTraceIds } from "./platform/trace.ts";
import { type PolicySet, sourceOfSet } from "./policies/policy-set.ts";
import { compileSnapshot } from "./policies/snapshot-compile.ts";

/** In 0.15 to 0.3 s, while the policies are read. */
const CHECKS = 60;
/** Enough that each node of a cluster is looked at. */
const TENANTS = 12;
const MOST_MS = 1_000;

const WIDE = { perSecond: 1_000, perMinute: 1_000, perDay: 1_000, quotaPerDay: 1_000, quotaPerMonth: 1_000 };
const POLICIES: PolicySet = {
  plans: [{ name: "REHEARSAL", limits: WIDE }],
  tenants: [{ id: "rehearsal", name: "rehearsal", plan: "REHEARSAL", status: "ACTIVE", timeZone: "UTC" }],
  policies: [
    {
      name: "rehearsal",
      target: { kind: "TENANT", tenant: "rehearsal" },
      httpMethod: "ANY",
      apiPattern: "/rehearsals/*",
      scope: "TENANT_USER_API",
      limits: WIDE,
      enforcement: "ENFORCE",
      enabled: true,
      fallback: null,
      validity: null,
      reason: null,
    },
  ],
};

export type RehearsalParts = Readonly<{ counters: CheckCounters; quotaStatus: 403 | 429; maxUsersPerDay: number }>;

export async function rehearse({ counters, quotaStatus, maxUsersPerDay }: RehearsalParts): Promise<void> {
  const snapshot = await compileSnapshot(sourceOfSet(POLICIES, "UTC"), async () => undefined);
  const checks = createChecks({
    policies: { snapshot: () => snapshot, confirmedAgoMs: () => 0, retryInMs: () => null },
    counters: lookedAt(counters),
    fallback: createFallback({ mode: "ALLOW_ALL", census: ALONE, ledger: createLedger("rehearsal"), maxCounters: 1 }),
    calendar: createCalendar(),
    limitHits: new LimitHitBuffer(),
    quotaStatus,
    maxUsersPerDay,
  });
  const door = createCheckDoor(
    {
      checks,
      callers: createCallers({ kind: "none" }),
      metrics: createMetrics().metrics,
      traceIds: createTraceIds(),
      policyVersion: () => 1,
      onFailure: () => undefined,
    },
    (_request, response) => response.end(),
  );
  const untilMs = performance.now() + MOST_MS;
  for (let number = 0; number < CHECKS && performance.now() < untilMs; number += 1) {
    await answered(door, checkOf(number)).catch(() => undefined);
  }
}

/** The same store under names that are reserved: no valid tenant begins with a tilde. */
function lookedAt(counters: CheckCounters): CheckCounters {
  let looks = 0;
  return {
    nowMs: () => counters.nowMs(),
    take: (order) => counters.take({ ...order, tenant: `~rehearsal${looks++ % TENANTS}` }),
  };
}

function checkOf(number: number): CheckRequest {
  return { tenantId: "rehearsal", userId: "kim", apiPath: `/rehearsals/${number}`, httpMethod: "GET", cost: 0 };
}

async function answered(door: ReturnType<typeof createCheckDoor>, check: CheckRequest): Promise<void> {
  const [near, far] = duplexPair();
  createServer(door).emit("connection", far);
  const body = JSON.stringify(check);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  await new Promise<void>((resolve, reject) => {
    const sent = request({ method: "POST", path: CHECK_PATH, headers, createConnection: () => near }, (response) => {
      text(response).then(() => resolve(), reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
