// Explanations beside real checks, on random policies and random histories: what was explained is what is then decided,
// the winners are the limits that the check obeys, and explaining changes nothing. Run on every store of counters.
import { FIELD_OF_WINDOW, type Limits, SCOPES, WINDOWS } from "@sluice/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { CheckInput } from "../check/input.ts";
import { MemoryCounters } from "../counters/counters.memory.ts";
import type { Counters } from "../counters/counters.ts";
import type { Policy } from "../policies/policy.ts";
import { EVERYONE, FREE, NOW_MS, segmentsOf, snapshotOf, tenant } from "../policies/resolve.world.ts";
import type { Resolution } from "../policies/snapshot.ts";
import { openExplainWorld, type WorldOptions } from "./explain.world.ts";
import type { Explanation } from "./explanation.ts";

export type OpenStore = (clock: () => number) => Promise<{ counters: Counters; close: () => Promise<void> }>;

const PLANS = [{ name: "FREE", limits: { perSecond: 6, perMinute: 20, quotaPerMonth: 60 } }];

export function explanationsAgree(store: string, runs: number, open: OpenStore): void {
  test(`${runs} random stories on ${store}: the check decides what was explained, and explaining changes nothing`, {
    timeout: 10_000 + runs * 400,
  }, async () => {
    const clock = { nowMs: NOW_MS };
    const { counters, close } = await open(() => clock.nowMs);
    const reasons = new Set<string>();
    let played = 0;
    try {
      await fc.assert(
        fc.asyncProperty(stories, async ({ policies, steps, timeZone }) => {
          played += 1;
          clock.nowMs = NOW_MS;
          const id = `${store.replaceAll(" ", "-")}.${played}`;
          const options = worldOptions(policies, id, timeZone);
          const world = await openExplainWorld(counters, options);
          const undisturbed = await openExplainWorld(new MemoryCounters(() => clock.nowMs), options);
          const snapshot = await snapshotOf(options.policies ?? [], options);
          for (const { moveMs, input } of steps) {
            clock.nowMs += moveMs;
            const call = { ...input, tenantId: id };
            const explained = await world.explain(call);
            const decision = await world.check(call);
            expect(explained.decision).toEqual(decision);
            expect(decision).toEqual(await undisturbed.check(call));
            reasons.add(decision.reason);
            const view = snapshot.tenant(id, clock.nowMs);
            if (view === null) throw new Error(`no tenant ${id}`);
            const resolution = snapshot.resolve(view, call.httpMethod, call.segments, clock.nowMs);
            expect(limitsIn(explained)).toEqual(limitsOf(resolution));
            expectEveryoneOnce(explained);
          }
        }),
        { seed: 20261122, numRuns: runs },
      );
    } finally {
      await close();
    }
    expect([...reasons].sort()).toEqual(["BLOCKED", "OK", "QUOTA_EXCEEDED", "RATE_LIMIT_EXCEEDED"]);
  });
}

const figures = fc.constantFrom(0, 3, 8, 15, 15, -1, null);
const policies: fc.Arbitrary<Omit<Policy, "id" | "name">> = fc.record({
  // The tenant of the story is put in where this one is.
  target: fc.constantFrom(EVERYONE, FREE, { kind: "TENANT", tenant: "" } as const),
  httpMethod: fc.constantFrom("ANY", "GET"),
  apiPattern: fc.constantFrom("/**", "/a/**", "/a/*", "/*/b", "/a/b"),
  scope: fc.constantFrom(...SCOPES),
  limits: fc
    .tuple(
      ...WINDOWS.map(() => fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: figures })),
    )
    .map(
      (drawn): Limits => Object.fromEntries(WINDOWS.map((window, i) => [FIELD_OF_WINDOW[window], drawn[i] ?? null])),
    ),
  enforcement: fc.constantFrom("ENFORCE", "ENFORCE", "SHADOW"),
  enabled: fc.constantFrom(true, true, true, false),
  fallback: fc.constant(null),
  validity: fc.constantFrom(
    null,
    null,
    { validFromMs: NOW_MS - 5_000, validUntilMs: NOW_MS + 1_500 },
    { validFromMs: NOW_MS + 1_000, validUntilMs: NOW_MS + 90_000 },
  ),
});
const inputs: fc.Arbitrary<Omit<CheckInput, "tenantId">> = fc.record({
  user: fc.constantFrom("", "kim", "lee", "park"),
  segments: fc.constantFrom("/a/b", "/a/c", "/z/b", "/").map(segmentsOf),
  httpMethod: fc.constantFrom("GET", "POST"),
  cost: fc.oneof({ weight: 5, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.constantFrom(16, 1_000) }),
  requestId: fc.constantFrom(null, null, null, "r1"),
});
const stories = fc.record({
  policies: fc.array(policies, { maxLength: 7 }),
  timeZone: fc.constantFrom("UTC", "Asia/Seoul"),
  steps: fc.array(
    // A request id ends by real time in Redis: no story lasts as long.
    fc.record({ moveMs: fc.oneof(fc.nat(30), fc.nat(1_500), fc.nat(5_000)), input: inputs }),
    { minLength: 1, maxLength: 10 },
  ),
});

function worldOptions(drawn: readonly Omit<Policy, "id" | "name">[], id: string, timeZone: string): WorldOptions {
  return {
    plans: PLANS,
    tenants: [tenant(id, { timeZone })],
    maxUsersPerDay: 2,
    policies: drawn.map((one, i) => {
      const target = one.target.kind === "TENANT" ? { kind: "TENANT" as const, tenant: id } : one.target;
      return { ...one, target, id: `p${i}`, name: `p${i}` };
    }),
  };
}

function limitsIn({ fields, shadow }: Explanation): string[] {
  const won = fields.flatMap(({ scope, window, winner }) =>
    winner === null || winner.limit < 1 ? [] : [`${scope} ${window}=${winner.limit} by ${winner.policyId}`],
  );
  const watched = shadow.flatMap(({ scope, watching }) =>
    watching.limits.map(({ window, limit }) => `${scope} ${window}=${limit} watched by ${watching.policyId}`),
  );
  const blocking = fields.some(({ winner }) => winner?.limit === 0) ? ["blocked"] : [];
  return [...won, ...watched, ...blocking].sort();
}

function limitsOf({ claims, blocked }: Resolution): string[] {
  const limits = claims.flatMap(({ scope, enforced, shadow }) => [
    ...enforced.map(({ window, capacity, source }) => `${scope} ${window}=${capacity} by ${source.policyId}`),
    ...shadow.map(({ window, capacity, source }) => `${scope} ${window}=${capacity} watched by ${source.policyId}`),
  ]);
  return [...limits, ...(blocked === null ? [] : ["blocked"])].sort();
}

/** In each field every policy of the scope that matches stands once, as winner or as loser; nobody elsewhere. */
function expectEveryoneOnce({ fields, unmatched }: Explanation): void {
  for (const scope of SCOPES) {
    const contenders = fields
      .filter((field) => field.scope === scope)
      .map(({ winner, losers }) => [...(winner === null ? [] : [winner]), ...losers])
      .map((all) =>
        all
          .map(({ policyId }) => policyId)
          .filter((id) => !id.startsWith("plan:"))
          .sort(),
      );
    for (const ids of contenders) {
      expect(ids).toEqual([...new Set(ids)]);
      expect(ids).toEqual(contenders[0]);
      expect(unmatched.filter(({ policyId }) => ids.includes(policyId))).toEqual([]);
    }
  }
}
