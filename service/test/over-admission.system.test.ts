// No over-admission: four processes over one Redis Cluster admit together what one sequential model admits.
//
// Three tenants, in each of which another scope is tight; every check counts in all three scopes, so a check that one
// counter refuses must be found in none of the other two. At one instant takes only add up, so the order in which four
// processes got through does not matter to the model: whatever was admitted it must admit, whatever was refused must not
// fit at the end either.
import type { Limits, Scope, Window } from "@sluice/contract";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type PeriodLabels, windowUsed } from "../src/counters/admission.ts";
import type { Claim } from "../src/counters/claim.ts";
import type { CounterState, TakeCheck } from "../src/counters/counters.ts";
import { openRedisCounters } from "../src/counters/counters.world.ts";
import { CounterModel } from "../src/counters/model.conformance.ts";
import { periodsAt } from "../src/limits/quota-period.ts";
import { type Call, costWith, crowd, latencyMs, outcomes, type Question } from "./load.ts";
import { policy, tenant } from "./policies.ts";
import type { ServiceProcess } from "./service-process.ts";
import { describeWith } from "./services.ts";
import { type ClusterStack, STACK_ID_SECRET, SYSTEM_TEST_TIMEOUTS, startClusterStack } from "./stack.ts";
import { usageHeld } from "./usage-held.ts";

const PROCESSES = 4;
const CALLERS = 210;
/** Its midnight is 15:00 UTC, so calendar days end apart from the sliding day, which is cut at midnight UTC. */
const ZONE = "Asia/Seoul";
/** No stall of a busy machine reaches it, so no Fallback answers. */
const WIDE_DEADLINE_MS = 20_000;

const SCOPES = ["TENANT", "TENANT_API", "TENANT_USER"] as const;
const TENANTS = SCOPES.map((scope) => ({ id: `tight-${scope.toLowerCase()}`, tightScope: scope }));
const APIS = ["ANY /orders/**", "ANY /reports/**", "ANY /users/**"];
const USERS = ["kim", "lee", "park", "choi", "jung"];
const TIGHT = { perSecond: 40, perMinute: 90, perDay: 160, quotaPerDay: 150, quotaPerMonth: 180 };
const WIDE = { perSecond: 5_000, perMinute: 9_000, perDay: 90_000, quotaPerDay: 90_000, quotaPerMonth: 90_000 };
const TIGHT_COUNTERS: Readonly<Record<string, number>> = {
  TENANT: 1,
  TENANT_API: APIS.length,
  TENANT_USER: USERS.length,
};

/** Each instant with the cost that still fits into every tight counter, by hand, and the window that decides. */
const INSTANTS: readonly (readonly [instant: string, room: number, why: string])[] = [
  ["2026-11-29T14:59:58.500Z", 40, "a full second"],
  ["2026-11-29T14:59:59.000Z", 0, "the next one begins: the one before still weighs 40"],
  ["2026-11-29T14:59:59.500Z", 20, "half of that"],
  ["2026-11-29T15:00:00.000Z", 20, "second, minute and day in Seoul end: the second before weighs 20"],
  ["2026-11-29T15:00:59.999Z", 40, "a full second"],
  ["2026-11-29T15:01:00.999Z", 30, "the minute before weighs 59.001 of 90: 60, for it is rounded up"],
  ["2026-11-29T15:05:00.000Z", 10, "the sliding day has 150 of 160"],
  ["2026-11-30T14:59:59.999Z", 20, "the month's last millisecond: it has 160 of 180"],
  ["2026-11-30T15:00:00.000Z", 20, "the month is new; the second before weighs 20"],
  ["2026-11-30T23:59:58.000Z", 40, "a full second"],
  ["2026-12-01T00:00:00.000Z", 40, "the sliding day ends: 80 weigh, 80 are free; a full second"],
  ["2026-12-01T00:02:00.000Z", 40, "a full second, which fills the sliding day: 80 + 79.9 of 160"],
  ["2026-12-01T00:02:02.000Z", 0, "the sliding day is full"],
  ["2026-12-01T14:59:59.000Z", 10, "the day's quota has 140 of 150"],
  ["2026-12-01T15:00:00.000Z", 30, "the day's quota is new, the month's has 150 of 180"],
];

vi.setConfig(SYSTEM_TEST_TIMEOUTS);

describeWith(["redis-server", "postgres"], "four processes over one Redis Cluster", () => {
  let stack: ClusterStack;
  beforeAll(async () => {
    stack = await startClusterStack();
    await stack.put({
      plans: [{ name: "FREE", limits: {} }],
      tenants: TENANTS.map(({ id }) => tenant({ id, timeZone: ZONE })),
      policies: TENANTS.flatMap(({ id, tightScope }) => policiesOf(id, tightScope)),
    });
  });
  afterEach(async () => {
    await Promise.all(stack.services.map((service) => service.stop()));
  });
  afterAll(async () => await stack.close());

  test("admit the limit exactly over the ends of seconds, minutes, days and months; refused checks take nothing", async ({
    annotate,
  }) => {
    let nowMs = Date.parse("2026-11-29T14:59:58.500Z");
    const environment = { SLUICE_CHECK_DEADLINE_MS: String(WIDE_DEADLINE_MS) };
    const services = await stack.startMany(PROCESSES, { clockMs: nowMs, environment });
    const looking = await openRedisCounters(
      stack.cluster.nodes.map(({ port }) => `127.0.0.1:${port}`),
      { idSecret: STACK_ID_SECRET, deadlineMs: WIDE_DEADLINE_MS, clock: () => nowMs },
    );
    const model = new CounterModel();
    const admitted = new Map(TENANTS.map(({ id }) => [id, 0]));
    try {
      for (const [instant, room, why] of INSTANTS) {
        nowMs = Date.parse(instant);
        await stack.setClock(nowMs);
        const journal = await crowd(CALLERS, scriptOf(services, [4, 2, 1, 1]));
        await annotate(`${instant}, ${why}: ${told(journal)}`);
        expect(Object.keys(outcomes(journal)).filter((outcome) => !/^(OK|\w+_EXCEEDED)$/.test(outcome))).toEqual([]);
        for (const { id, tightScope } of TENANTS) {
          const calls = journal.filter(({ check }) => check.tenantId === id);
          const cost = costWith(calls, "OK");
          expect([instant, id, cost]).toEqual([instant, id, room * (TIGHT_COUNTERS[tightScope] ?? 0)]);
          admitted.set(id, (admitted.get(id) ?? 0) + cost);
          expect(verdictsOf(model, calls, nowMs)).toEqual(calls.map(({ decision }) => decision?.allowed));
          expect(await countersOf(looking.counters, id, nowMs)).toEqual(modelledOf(model, id, nowMs));
        }
      }
      for (const [id, cost] of admitted) expect(await usageHeld(stack.cluster.nodes.slice(0, 3), id)).toBe(cost);
    } finally {
      await looking.counters.close();
    }
  });

  test("with the default deadline, on their own clock, never admit more than the limit as counted", async ({
    annotate,
  }) => {
    await stack.put({
      tenants: TENANTS.map(({ id }) => tenant({ id: `${id}.month`, timeZone: ZONE })),
      policies: TENANTS.flatMap(({ id, tightScope }) => policiesOf(`${id}.month`, tightScope, { quotaPerMonth: 180 })),
    });
    const services = await stack.startMany(PROCESSES);
    const refusedOften = new Set<number>();
    const refusals = new Map<number, number>();
    const questions = scriptOf(services, new Array(200).fill(2), ".month");
    const journal = await crowd(
      CALLERS,
      (caller) => (refusedOften.has(caller) ? null : questions(caller)),
      (caller, { decision }) => {
        if (decision?.reason !== "QUOTA_EXCEEDED") return;
        refusals.set(caller, (refusals.get(caller) ?? 0) + 1);
        if (refusals.get(caller) === 2) refusedOften.add(caller);
      },
    );
    await annotate(told(journal));
    expect(
      Object.keys(outcomes(journal)).filter((outcome) => !/^(OK|QUOTA_EXCEEDED|ALLOW_FALLBACK)$/.test(outcome)),
    ).toEqual([]);
    for (const { id, tightScope } of TENANTS) {
      const limit = 180 * (TIGHT_COUNTERS[tightScope] ?? 0);
      const admitted = costWith(
        journal.filter(({ check }) => check.tenantId === `${id}.month`),
        "OK",
      );
      // What was counted too late for its caller, whom the Fallback let pass, is in Redis and not among the OK.
      const held = await usageHeld(stack.cluster.nodes.slice(0, 3), `${id}.month`);
      await annotate(`${id}: limit ${limit}, answered OK ${admitted}, counted ${held}`);
      expect(held).toBeLessThanOrEqual(limit);
      expect(admitted).toBeLessThanOrEqual(held);
    }
  });

  // The order of the model: what was admitted first, for a check that was refused must not fit after all of it.
  function verdictsOf(model: CounterModel, calls: readonly Call[], nowMs: number): boolean[] {
    const verdicts = new Map<Call, boolean>();
    const inOrder = calls.toSorted((a, b) => Number(b.decision?.allowed) - Number(a.decision?.allowed));
    for (const call of inOrder) {
      const { tenantId, userId = "", apiPath, cost = 1 } = call.check;
      const api = APIS.find((name) => apiPath.startsWith(name.slice(4, -2))) ?? "";
      const taken = model.take(tenantId, takeCheck(tenantId, api, userId, cost), nowMs, labelsAt(nowMs));
      verdicts.set(call, taken.admitted);
    }
    return calls.map((call) => verdicts.get(call) === true);
  }
});

type Looking = Awaited<ReturnType<typeof openRedisCounters>>["counters"];

/** Every counter of the tenant as the store holds it, by a look. */
async function countersOf(counters: Looking, id: string, nowMs: number) {
  const checks = PAIRS.map(([api, user]) => takeCheck(id, api, user, 0));
  const taken = await counters.take({ tenant: id, periods: periodsAt(ZONE, nowMs), maxUsersPerDay: 1_000, checks });
  if (taken.kind !== "answered") throw new Error(`The look was not answered: ${taken.cause}.`);
  return taken.checks.map(({ states }) => states.map((state) => shown(state, nowMs)));
}

function modelledOf(model: CounterModel, id: string, nowMs: number) {
  return PAIRS.map(([api, user]) => {
    const { states } = model.take(id, takeCheck(id, api, user, 0), nowMs, labelsAt(nowMs));
    return states.map((state) => shown(state, nowMs));
  });
}

const PAIRS = APIS.flatMap((api) => USERS.map((user) => [api, user] as const));
const WINDOW_OF: Readonly<Record<keyof typeof TIGHT, Window>> = {
  perSecond: "second",
  perMinute: "minute",
  perDay: "day",
  quotaPerDay: "quotaDay",
  quotaPerMonth: "month",
};

function shown(state: CounterState, nowMs: number) {
  const used = (window: Window) => windowUsed(state, window, nowMs, labelsAt(nowMs));
  return { ...state, quotaDay: used("quotaDay"), month: used("month") };
}

function labelsAt(nowMs: number): PeriodLabels {
  const { day, month } = periodsAt(ZONE, nowMs);
  return { dayLabel: day.current.label, monthLabel: month.current.label };
}

/** The check as the core makes it of a call, from the same policies. */
function takeCheck(id: string, api: string, user: string, cost: number): TakeCheck {
  const tightScope = TENANTS.find((each) => each.id === id)?.tightScope;
  const claims = SCOPES.map((scope): Claim => {
    const limits = scope === tightScope ? TIGHT : WIDE;
    const enforced = (Object.keys(WINDOW_OF) as (keyof typeof TIGHT)[]).map((field) => {
      const source = { policyId: "", target: "TENANT", scope } as const;
      return { window: WINDOW_OF[field], capacity: limits[field], source };
    });
    return { scope, api: scope === "TENANT_API" ? api : null, enforced, shadow: [] };
  });
  return { claims, user, cost, requestId: null, usageApi: api };
}

function policiesOf(id: string, tightScope: Scope, tight: Limits = TIGHT) {
  const target = { kind: "TENANT", tenant: id } as const;
  const limits = (scope: Scope): Limits => (scope === tightScope ? tight : WIDE);
  return [
    policy({ name: `${id}.all`, target, apiPattern: "/**", scope: "TENANT", limits: limits("TENANT") }),
    policy({ name: `${id}.user`, target, apiPattern: "/**", scope: "TENANT_USER", limits: limits("TENANT_USER") }),
    ...APIS.map((api) => {
      const apiPattern = api.replace("ANY ", "");
      return policy({ name: `${id}${apiPattern}`, target, apiPattern, limits: limits("TENANT_API") });
    }),
  ];
}

/** Callers spread evenly over processes, tenants, APIs and users; each asks for `costs`, one after the other. */
function scriptOf(services: readonly ServiceProcess[], costs: readonly number[], suffix = "") {
  const asked = new Map<number, number>();
  return (caller: number): Question | null => {
    const round = asked.get(caller) ?? 0;
    asked.set(caller, round + 1);
    const cost = costs[round];
    const service = services[caller % services.length];
    const place = Math.floor(caller / TENANTS.length);
    const [api = "", user = ""] = PAIRS[place % PAIRS.length] ?? [];
    const tenantId = `${TENANTS[caller % TENANTS.length]?.id}${suffix}`;
    if (cost === undefined || service === undefined) return null;
    const apiPath = api.replace("ANY ", "").replace("**", String(round));
    return { service, check: { tenantId, userId: user, apiPath, httpMethod: "GET", cost } };
  };
}

function told(journal: readonly Call[]): string {
  return `${JSON.stringify(outcomes(journal))}, P50 ${latencyMs(journal, 0.5)} ms, P99 ${latencyMs(journal, 0.99)} ms`;
}
