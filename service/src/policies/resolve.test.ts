import type { LimitField } from "@sluice/contract";
import { expect, test } from "vitest";
import type { Policy } from "./policy.ts";
import { ACME, EVERYONE, FREE, lines, NOW_MS, policy, resolutionOf, snapshotOf, tenant } from "./resolve.world.ts";
import { UNMATCHED_API } from "./snapshot.ts";

const minute = (perMinute: number | null): Readonly<{ limits: Partial<Record<LimitField, number | null>> }> => ({
  limits: { perMinute },
});
const valid = { validFromMs: NOW_MS - 1_000, validUntilMs: NOW_MS + 1_000 };

type Golden = Readonly<{ rule: string; policies: readonly Policy[]; obeys: readonly string[] }>;

const FIELDS: readonly Golden[] = [
  {
    rule: "each field is decided on its own, and counted in the counter of the policy it is written in",
    policies: [
      policy("export", { api: "ANY /v1/a/b", limits: { perMinute: 10 } }),
      policy("v1", { api: "ANY /v1/**", limits: { perSecond: 5, perMinute: 100, quotaPerMonth: 1_000 } }),
    ],
    obeys: [
      "TENANT_API [ANY /v1/**]: second=5 by v1, month=1000 by v1",
      "TENANT_API [ANY /v1/a/b]: minute=10 by export",
    ],
  },
  {
    rule: "each scope is decided on its own",
    policies: [
      policy("api", { api: "ANY /v1/a/b", scope: "TENANT_API", ...minute(1) }),
      policy("user-api", { api: "ANY /v1/**", scope: "TENANT_USER_API", ...minute(2) }),
      policy("user", { api: "ANY /v1/**", scope: "TENANT_USER", ...minute(3) }),
      policy("tenant", { scope: "TENANT", ...minute(4) }),
    ],
    obeys: [
      "TENANT: minute=4 by tenant",
      "TENANT_API [ANY /v1/a/b]: minute=1 by api",
      "TENANT_USER: minute=3 by user",
      "TENANT_USER_API [ANY /v1/**]: minute=2 by user-api",
    ],
  },
  {
    rule: "TENANT has one counter, whichever policies its fields are written in; so has TENANT_USER",
    policies: [
      policy("a", { api: "ANY /v1/a/**", scope: "TENANT", limits: { perMinute: 1 } }),
      policy("b", { api: "GET /v1/**", scope: "TENANT", target: ACME, limits: { perDay: 2 } }),
      policy("c", { api: "ANY /v1/a/**", scope: "TENANT_USER", limits: { perMinute: 3 } }),
      policy("d", { api: "ANY /**", scope: "TENANT_USER", limits: { perSecond: 4 } }),
    ],
    obeys: ["TENANT: minute=1 by a, day=2 by b", "TENANT_USER: second=4 by d, minute=3 by c"],
  },
  {
    rule: "policies of different targets with one method and pattern share the API's counter",
    policies: [
      policy("everyone", { api: "GET /v1/**", limits: { perMinute: 1, perDay: 2 } }),
      policy("tenant", { api: "GET /v1/**", target: ACME, limits: { perMinute: 3 } }),
    ],
    obeys: ["TENANT_API [GET /v1/**]: minute=3 by tenant, day=2 by everyone"],
  },
  {
    rule: "the exact method and ANY have counters of their own",
    policies: [
      policy("any", { api: "ANY /v1/**", limits: { perMinute: 1, perDay: 2 } }),
      policy("get", { api: "GET /v1/**", limits: { perMinute: 3 } }),
    ],
    obeys: ["TENANT_API [ANY /v1/**]: day=2 by any", "TENANT_API [GET /v1/**]: minute=3 by get"],
  },
  {
    rule: "null and absent look further",
    policies: [
      policy("null", { api: "ANY /v1/a/b", limits: { perMinute: null } }),
      policy("absent", { api: "ANY /v1/a/*", limits: { perDay: 7 } }),
      policy("set", { api: "ANY /v1/**", limits: { perMinute: 8 } }),
    ],
    obeys: ["TENANT_API [ANY /v1/**]: minute=8 by set", "TENANT_API [ANY /v1/a/*]: day=7 by absent"],
  },
  {
    rule: "-1 wins its field and is no limit: a less specific limit does not apply",
    policies: [
      policy("unlimited", { api: "ANY /v1/a/b", limits: { perMinute: -1 } }),
      policy("limited", { api: "ANY /v1/**", limits: { perMinute: 8, perDay: 9 } }),
    ],
    obeys: ["TENANT_API [ANY /v1/**]: day=9 by limited"],
  },
  {
    rule: "0 blocks, and says by which window and policy; the other limits stay as they are",
    policies: [
      policy("blocked", { api: "ANY /v1/a/b", limits: { perMinute: 0, perDay: 0 } }),
      policy("limited", { api: "ANY /v1/**", limits: { perMinute: 8, perSecond: 9 } }),
    ],
    obeys: ["TENANT_API [ANY /v1/**]: second=9 by limited", "BLOCKED minute, day by blocked"],
  },
  {
    rule: "a 0 that a more specific policy overrules does not block",
    policies: [
      policy("open", { api: "ANY /v1/a/b", limits: { perMinute: -1, perDay: 3 } }),
      policy("blocked", { api: "ANY /v1/**", limits: { perMinute: 0, perDay: 0 } }),
    ],
    obeys: ["TENANT_API [ANY /v1/a/b]: day=3 by open"],
  },
  {
    rule: "of several that block the most specific is named, whatever its scope",
    policies: [
      policy("general", { scope: "TENANT", limits: { perSecond: 0 } }),
      policy("special", { api: "ANY /v1/**", scope: "TENANT_USER_API", limits: { perDay: 0 } }),
    ],
    obeys: ["BLOCKED day, second by special"],
  },
];

test.each(FIELDS)("$rule", async ({ policies, obeys }) => {
  for (const order of [policies, policies.toReversed()]) {
    expect(lines(resolutionOf(await snapshotOf(order)))).toEqual(obeys);
  }
});

test("the plan's own limits come last in scope TENANT, field by field, and are named after the plan", async () => {
  const plans = [{ name: "FREE", limits: { perSecond: 20, perMinute: 200, perDay: 0 } }];
  const policies = [
    policy("everyone", { scope: "TENANT", limits: { perMinute: 9, perDay: -1 } }),
    policy("api", { limits: { perSecond: 8 } }),
  ];
  const resolution = resolutionOf(await snapshotOf(policies, { plans }));
  expect(lines(resolution)).toEqual([
    "TENANT: second=20 by plan:FREE, minute=9 by everyone",
    "TENANT_API [ANY /**]: second=8 by api",
  ]);
  expect(resolution.claims[0]?.enforced[0]?.source).toEqual({ policyId: "plan:FREE", target: "PLAN", scope: "TENANT" });
});

test("a plan's own 0 blocks last, its -1 limits nothing, and a tenant on another plan does not see it", async () => {
  const plans = [
    { name: "FREE", limits: { perSecond: 0, perDay: -1 } },
    { name: "PRO", limits: {} },
  ];
  const tenants = [tenant("acme"), tenant("globex", { plan: "PRO" })];
  const snapshot = await snapshotOf([], { plans, tenants });
  expect(lines(resolutionOf(snapshot))).toEqual(["BLOCKED second by plan:FREE"]);
  expect(lines(resolutionOf(snapshot, { tenant: "globex" }))).toEqual([]);
  const both = await snapshotOf([policy("blocked", { limits: { perMinute: 0 } })], { plans });
  expect(lines(resolutionOf(both))).toEqual(["BLOCKED minute, second by blocked"]);
});

test("a scheduled plan change takes effect at its instant: the plan's limits and the plan's policies", async () => {
  const plans = [
    { name: "FREE", limits: { perDay: 1 } },
    { name: "PRO", limits: { perDay: 2 } },
  ];
  const policies = [
    policy("free", { target: FREE, ...minute(3) }),
    policy("pro", { target: { kind: "PLAN", plan: "PRO" }, ...minute(4) }),
  ];
  const tenants = [tenant("acme", { nextPlan: { plan: "PRO", atMs: NOW_MS } })];
  const snapshot = await snapshotOf(policies, { plans, tenants });
  for (let times = 0; times < 2; times += 1) {
    expect(lines(resolutionOf(snapshot, { nowMs: NOW_MS - 1 }))).toEqual([
      "TENANT: day=1 by plan:FREE",
      "TENANT_API [ANY /**]: minute=3 by free",
    ]);
    expect(lines(resolutionOf(snapshot))).toEqual([
      "TENANT: day=2 by plan:PRO",
      "TENANT_API [ANY /**]: minute=4 by pro",
    ]);
  }
});

test("SHADOW stands apart: it moves no enforced limit, no usage name and no fallback, and shares counters", async () => {
  const enforced = policy("enforced", { api: "ANY /v1/**", fallback: "STATIC_LIMIT", limits: { perMinute: 5 } });
  const shadows = [
    policy("special", {
      api: "GET /v1/a/b",
      fallback: "BLOCK_ALL",
      limits: { perMinute: 0, perDay: null, perSecond: -1 },
    }),
    policy("same", { api: "ANY /v1/**", scope: "TENANT_USER_API", limits: { perMinute: 4 } }),
    policy("tenant", { api: "ANY /v1/**", scope: "TENANT", limits: { quotaPerDay: 3 } }),
  ].map((shadow): Policy => ({ ...shadow, enforcement: "SHADOW" }));
  const resolution = resolutionOf(await snapshotOf([enforced, ...shadows]));
  expect(lines(resolution)).toEqual([
    "TENANT: | shadow quotaDay=3 by tenant",
    "TENANT_API [ANY /v1/**]: minute=5 by enforced",
    "TENANT_API [GET /v1/a/b]: | shadow minute=0 by special",
    "TENANT_USER_API [ANY /v1/**]: | shadow minute=4 by same",
    "fallback STATIC_LIMIT",
  ]);
  expect(resolution.usageApi).toBe("ANY /v1/**");
  expect(resolution.blocked).toBeNull();
});

test("only the most specific SHADOW match of a scope is evaluated, with all its fields and none of the others'", async () => {
  const shadow = (id: string, written: Partial<Policy> & { api?: string }): Policy =>
    policy(id, { enforcement: "SHADOW", ...written });
  const policies = [
    shadow("special", { api: "GET /v1/a/b", limits: { perMinute: 1, perDay: 2 } }),
    shadow("general", { api: "ANY /v1/**", limits: { perSecond: 3, perMinute: 4 } }),
    shadow("tenant-wide", { target: ACME, scope: "TENANT_USER", limits: { perMinute: 5 } }),
    shadow("exact", { api: "GET /v1/a/b", scope: "TENANT_USER", limits: { perMinute: 6 } }),
    policy("enforced", { api: "GET /v1/a/b", target: ACME, limits: { perMinute: 7, perSecond: 8 } }),
  ];
  expect(lines(resolutionOf(await snapshotOf(policies)))).toEqual([
    "TENANT_API [GET /v1/a/b]: second=8 by enforced, minute=7 by enforced | shadow minute=1 by special, day=2 by special",
    "TENANT_USER: | shadow minute=5 by tenant-wide",
  ]);
});

test("a SHADOW match without a limit is the most specific one all the same", async () => {
  const policies = [
    policy("empty", { api: "GET /v1/a/b", enforcement: "SHADOW", limits: { perMinute: -1 } }),
    policy("general", { enforcement: "SHADOW", limits: { perMinute: 4 } }),
  ];
  expect(lines(resolutionOf(await snapshotOf(policies)))).toEqual([]);
});

test("usage is booked under the most specific ENFORCE match, limits or not; nothing matched has its own name", async () => {
  const snapshot = await snapshotOf([
    policy("named", { api: "GET /v1/a/*", fallback: "ALLOW_ALL" }),
    policy("general", { api: "ANY /v1/**", fallback: "BLOCK_ALL", ...minute(1) }),
  ]);
  expect(resolutionOf(snapshot)).toMatchObject({ usageApi: "GET /v1/a/*", fallback: "ALLOW_ALL" });
  expect(resolutionOf(snapshot, { api: "POST /v1/a/b" })).toMatchObject({
    usageApi: "ANY /v1/**",
    fallback: "BLOCK_ALL",
  });
  expect(resolutionOf(snapshot, { api: "GET /" })).toEqual({
    claims: [],
    blocked: null,
    usageApi: UNMATCHED_API,
    fallback: null,
  });
});

test("the fallback is that of the most specific match that sets one", async () => {
  const snapshot = await snapshotOf([
    policy("silent", { api: "GET /v1/a/b" }),
    policy("says", { target: EVERYONE, fallback: "STATIC_LIMIT" }),
  ]);
  expect(resolutionOf(snapshot).fallback).toBe("STATIC_LIMIT");
});

test("replacing a policy, its target, its limits or its id keeps the counter", async () => {
  const counterOf = async (written: Policy): Promise<readonly (string | null)[]> => {
    const [claim] = resolutionOf(await snapshotOf([written])).claims;
    return [claim?.scope ?? null, claim?.api ?? null];
  };
  const before = policy("old", { api: "GET /v1/a/**", limits: { perMinute: 1 } });
  for (const after of [
    { ...before, id: "new", name: "new" },
    { ...before, target: ACME },
    { ...before, target: FREE },
    { ...before, limits: { quotaPerMonth: 7 } },
    { ...before, enforcement: "SHADOW" as const },
    { ...before, validity: valid },
  ]) {
    expect(await counterOf(after)).toEqual(["TENANT_API", "GET /v1/a/**"]);
    expect(await counterOf(after)).toEqual(await counterOf(before));
  }
  expect(await counterOf({ ...before, httpMethod: "ANY" })).not.toEqual(await counterOf(before));
  expect(await counterOf({ ...before, scope: "TENANT" })).toEqual(["TENANT", null]);
});
