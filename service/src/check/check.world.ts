// A small world for the tests of the core: real policies compiled from rows, real counters in memory, a clock that the
// test moves, and an outage that it can switch on. Only tests import this.
// The outage double keeps the port's word: it answers nothing, may run the take all the same (`runsAnyway`), and reports
// late successes to `settle`. Real outages of a real store are tested where that store is.
import type { Decision, FallbackMode, Limits } from "@sluice/contract";
import { MemoryCounters } from "../counters/counters.memory.ts";
import { ANONYMOUS_USER, type Counters, type Take, type Taken, type UnavailableCause } from "../counters/counters.ts";
import { createFallback } from "../fallback/fallback.ts";
import { createLedger } from "../fallback/ledger.ts";
import { ALONE, type WorkerCensus } from "../fallback/worker-census.ts";
import { LimitHitBuffer } from "../limit-hits/limit-hit-buffer.ts";
import { createCalendar } from "../limits/calendar.ts";
import type { Policy, Tenant } from "../policies/policy.ts";
import { compileSnapshot } from "../policies/snapshot-compile.ts";
import { createChecks } from "./check.ts";
import type { CheckInput } from "./input.ts";

/** A Sunday, 12:00:00.000Z: the start of a second, of a minute and of nothing else. */
export const NOON = Date.parse("2026-11-22T12:00:00.000Z");

export type Outage = { cause: UnavailableCause; probeInMs: number | null; runsAnyway: boolean };
export type WorldOptions = Readonly<{
  plan?: Limits;
  policies?: readonly Partial<Policy>[];
  tenants?: readonly Partial<Tenant>[];
  fallback?: FallbackMode;
  quotaStatus?: 403 | 429;
  maxUsersPerDay?: number;
  census?: WorkerCensus;
  snapshotLoaded?: boolean;
}>;

export async function openWorld(options: WorldOptions = {}) {
  const clock = { nowMs: NOON };
  const policyView = { confirmedAgoMs: 0, loaded: options.snapshotLoaded ?? true };
  const snapshot = await compileSnapshot(rowsOf(options), async () => {});
  const store = outageDouble(new MemoryCounters(() => clock.nowMs));
  const ledger = createLedger("incarnation-1");
  const fallback = createFallback({
    mode: options.fallback ?? "ALLOW_ALL",
    census: options.census ?? ALONE,
    ledger,
  });
  const limitHits = new LimitHitBuffer();
  const checks = createChecks({
    policies: {
      snapshot: () => (policyView.loaded ? snapshot : null),
      confirmedAgoMs: () => policyView.confirmedAgoMs,
      retryInMs: () => 700,
    },
    counters: store.counters,
    fallback,
    calendar: createCalendar(),
    quotaStatus: options.quotaStatus ?? 429,
    maxUsersPerDay: options.maxUsersPerDay ?? 100_000,
    limitHits,
  });
  return {
    clock,
    policyView,
    store,
    ledger,
    fallback,
    limitHits,
    checks,
    check: async (input: Partial<CheckInput> = {}) => (await checks.check(inputOf(input), "trace-1")).decision,
    answer: (input: Partial<CheckInput> = {}) => checks.check(inputOf(input), "trace-1"),
    batch: async (inputs: readonly Partial<CheckInput>[]): Promise<Decision[]> =>
      (await checks.checkBatch(inputs.map(inputOf), "trace-1")).map((answer) => answer.decision),
  };
}

function inputOf(input: Partial<CheckInput>): CheckInput {
  return {
    tenantId: "acme",
    user: ANONYMOUS_USER,
    segments: ["v1", "report"],
    httpMethod: "GET",
    cost: 1,
    requestId: null,
    ...input,
  };
}

function rowsOf(options: WorldOptions) {
  const tenant: Tenant = { id: "acme", plan: "FREE", status: "ACTIVE", timeZone: "Asia/Seoul", nextPlan: null };
  const policy: Policy = {
    id: "policy-1",
    name: "policy-1",
    target: { kind: "TENANT", tenant: "acme" },
    httpMethod: "ANY",
    apiPattern: "/v1/**",
    scope: "TENANT_API",
    limits: {},
    enforcement: "ENFORCE",
    enabled: true,
    fallback: null,
    validity: null,
  };
  return {
    version: { systemId: "1", timeline: 1, version: 42 },
    tenants: [tenant, ...(options.tenants ?? []).map((row) => ({ ...tenant, ...row }))],
    plans: [{ name: "FREE", limits: options.plan ?? {} }],
    policies: (options.policies ?? []).map((row) => ({ ...policy, name: row.id ?? policy.id, ...row })),
    credentials: [],
  };
}

function outageDouble(memory: MemoryCounters) {
  const orders: Take[] = [];
  const settled: (readonly boolean[])[] = [];
  const state: { outage: Outage | null; broken: boolean } = { outage: null, broken: false };

  async function take(order: Take): Promise<Taken> {
    orders.push(order);
    const { outage } = state;
    if (outage === null) {
      const answered = await memory.take(order);
      if (!state.broken) return answered;
      return { ...answered, checks: answered.checks.map((check) => ({ ...check, admitted: false })) };
    }
    const ran = outage.runsAnyway ? await memory.take(order) : null;
    return {
      kind: "unavailable",
      cause: outage.cause,
      probeInMs: outage.probeInMs,
      settle: (charged, onSettled) => {
        settled.push(charged);
        for (const [i, isCharged] of charged.entries()) {
          if (isCharged) onSettled(i, ran?.checks[i]?.admitted === true);
        }
      },
    };
  }

  const counters: Counters = {
    take,
    adjust: (order) => memory.adjust(order),
    raise: (order) => memory.raise(order),
    nowMs: () => memory.nowMs(),
    health: () => memory.health(),
    close: () => memory.close(),
  };
  return { counters, orders, settled, state };
}
