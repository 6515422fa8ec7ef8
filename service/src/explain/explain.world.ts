// A small world for the tests of explanations: compiled policies, counters with a clock handed in, and real checks beside
// the explanations, which share both. Only tests import this.
import type { Decision } from "@sluice/contract";
import { createChecks } from "../check/check.ts";
import type { CheckInput } from "../check/input.ts";
import { ANONYMOUS_USER, type Counters } from "../counters/counters.ts";
import { createFallback } from "../fallback/fallback.ts";
import { createLedger } from "../fallback/ledger.ts";
import { ALONE } from "../fallback/worker-census.ts";
import { LimitHitBuffer } from "../limit-hits/limit-hit-buffer.ts";
import { createCalendar } from "../limits/calendar.ts";
import type { Plan, Policy, Tenant } from "../policies/policy.ts";
import { snapshotOf, tenant } from "../policies/resolve.world.ts";
import { createExplain } from "./explain.ts";
import type { Explanation } from "./explanation.ts";

export type WorldOptions = Readonly<{
  policies?: readonly Policy[];
  plans?: readonly Plan[];
  tenants?: readonly Tenant[];
  maxUsersPerDay?: number;
  snapshotLoaded?: boolean;
  confirmedAgoMs?: number;
}>;

/** Never asked here, and dear to make. */
const fallback = createFallback({ mode: "ALLOW_ALL", census: ALONE, ledger: createLedger("incarnation-1") });

export type ExplainWorld = Readonly<{
  explain: (input?: Partial<CheckInput>) => Promise<Explanation>;
  check: (input?: Partial<CheckInput>) => Promise<Decision>;
}>;

/** Tenant acme on plan FREE unless said otherwise. Every world of one store needs tenants of its own. */
export async function openExplainWorld(counters: Counters, options: WorldOptions = {}): Promise<ExplainWorld> {
  const { policies = [], plans = [{ name: "FREE", limits: {} }], tenants = [tenant("acme")] } = options;
  const snapshot = await snapshotOf(policies, { plans, tenants });
  const calendar = createCalendar();
  const parts = {
    policies: {
      snapshot: () => (options.snapshotLoaded === false ? null : snapshot),
      confirmedAgoMs: () => options.confirmedAgoMs ?? 0,
      retryInMs: () => 700,
    },
    counters,
    calendar,
    quotaStatus: 429,
    maxUsersPerDay: options.maxUsersPerDay ?? 100,
  } as const;
  const checks = createChecks({ ...parts, fallback, limitHits: new LimitHitBuffer() });
  const explain = createExplain(parts);
  return {
    explain: (input = {}) => explain(inputOf(input), "trace-1"),
    check: async (input = {}) => (await checks.check(inputOf(input), "trace-1")).decision,
  };
}

function inputOf(input: Partial<CheckInput>): CheckInput {
  return {
    tenantId: "acme",
    user: ANONYMOUS_USER,
    segments: ["v1", "a", "b"],
    httpMethod: "GET",
    cost: 1,
    requestId: null,
    ...input,
  };
}
