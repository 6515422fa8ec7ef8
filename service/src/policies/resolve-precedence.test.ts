import type { LimitField } from "@sluice/contract";
import { expect, test } from "vitest";
import type { Policy } from "./policy.ts";
import { ACME, type Call, FREE, lines, NOW_MS, policy, resolutionOf, snapshotOf } from "./resolve.world.ts";

const minute = (perMinute: number | null): Readonly<{ limits: Partial<Record<LimitField, number | null>> }> => ({
  limits: { perMinute },
});
const valid = { validFromMs: NOW_MS - 1_000, validUntilMs: NOW_MS + 1_000 };

type Golden = Readonly<{ rule: string; policies: readonly Policy[]; call?: Call; obeys: readonly string[] }>;

const PRECEDENCE: readonly Golden[] = [
  {
    rule: "a tenant's policy goes before its plan's, and that before everyone's, however general its pattern",
    policies: [
      policy("everyone", { api: "GET /v1/a/b", ...minute(1) }),
      policy("plan", { api: "GET /v1/a/*", target: FREE, ...minute(2) }),
      policy("tenant", { api: "ANY /**", target: ACME, ...minute(3) }),
    ],
    obeys: ["TENANT_API [ANY /**]: minute=3 by tenant"],
  },
  {
    rule: "a plan's policy goes before everyone's",
    policies: [
      policy("everyone", { api: "GET /v1/a/b", ...minute(1) }),
      policy("plan", { target: FREE, ...minute(2) }),
    ],
    obeys: ["TENANT_API [ANY /**]: minute=2 by plan"],
  },
  {
    rule: "policies of other tenants and other plans do not match",
    policies: [
      policy("other-tenant", { target: { kind: "TENANT", tenant: "globex" }, ...minute(1) }),
      policy("other-plan", { target: { kind: "PLAN", plan: "PRO" }, ...minute(2) }),
    ],
    obeys: [],
  },
  {
    rule: "a literal goes before *",
    policies: [
      policy("star", { api: "ANY /v1/*/b", ...minute(1) }),
      policy("literal", { api: "ANY /v1/a/b", ...minute(2) }),
    ],
    obeys: ["TENANT_API [ANY /v1/a/b]: minute=2 by literal"],
  },
  {
    rule: "* goes before **",
    policies: [
      policy("rest", { api: "ANY /v1/a/**", ...minute(1) }),
      policy("star", { api: "ANY /v1/a/*", ...minute(2) }),
    ],
    obeys: ["TENANT_API [ANY /v1/a/*]: minute=2 by star"],
  },
  {
    rule: "the first segment from the left decides, not the number of literals",
    policies: [
      policy("late", { api: "ANY /*/a/b", ...minute(1) }),
      policy("early", { api: "ANY /v1/**", ...minute(2) }),
    ],
    obeys: ["TENANT_API [ANY /v1/**]: minute=2 by early"],
  },
  {
    rule: "a pattern that ends goes before one that goes on with **",
    policies: [
      policy("rest", { api: "ANY /v1/a/b/**", ...minute(1) }),
      policy("end", { api: "ANY /v1/a/b", ...minute(2) }),
    ],
    obeys: ["TENANT_API [ANY /v1/a/b]: minute=2 by end"],
  },
  {
    rule: "the exact method goes before ANY",
    policies: [policy("any", { api: "ANY /v1/**", ...minute(1) }), policy("get", { api: "GET /v1/**", ...minute(2) })],
    obeys: ["TENANT_API [GET /v1/**]: minute=2 by get"],
  },
  {
    rule: "the pattern goes before the method",
    policies: [
      policy("get", { api: "GET /v1/**", ...minute(1) }),
      policy("any", { api: "ANY /v1/a/**", ...minute(2) }),
    ],
    obeys: ["TENANT_API [ANY /v1/a/**]: minute=2 by any"],
  },
  {
    rule: "another method does not match",
    policies: [policy("post", { api: "POST /v1/**", ...minute(1) })],
    obeys: [],
  },
  {
    rule: "a caller whose method is the word ANY matches the policies for any method, once",
    policies: [policy("any", { api: "ANY /v1/**", ...minute(1) }), policy("get", { api: "GET /v1/**", ...minute(2) })],
    call: { api: "ANY /v1/a" },
    obeys: ["TENANT_API [ANY /v1/**]: minute=1 by any"],
  },
  {
    rule: "a disabled policy does not match",
    policies: [
      policy("off", { api: "GET /v1/a/b", enabled: false, fallback: "BLOCK_ALL", ...minute(0) }),
      policy("on", minute(2)),
    ],
    obeys: ["TENANT_API [ANY /**]: minute=2 by on"],
  },
];

test.each(PRECEDENCE)("$rule", async ({ policies, call, obeys }) => {
  for (const order of [policies, policies.toReversed()]) {
    expect(lines(resolutionOf(await snapshotOf(order), call))).toEqual(obeys);
  }
});

const OVERRIDES: readonly Golden[] = [
  {
    rule: "a valid override goes before its target's other policies, however general it is",
    policies: [
      policy("exact", { api: "GET /v1/a/b", target: ACME, ...minute(1) }),
      policy("override", { target: ACME, validity: valid, ...minute(2) }),
    ],
    obeys: ["TENANT_API [ANY /**]: minute=2 by override"],
  },
  {
    rule: "an override of a plan goes behind the tenant's own policies",
    policies: [
      policy("tenant", { target: ACME, ...minute(1) }),
      policy("override", { api: "GET /v1/a/b", target: FREE, validity: valid, limits: { perMinute: 2, perDay: 3 } }),
      policy("plan", { api: "GET /v1/a/b", target: FREE, limits: { perDay: 4 } }),
    ],
    obeys: ["TENANT_API [ANY /**]: minute=1 by tenant", "TENANT_API [GET /v1/a/b]: day=3 by override"],
  },
  {
    rule: "an override that sets one field leaves the others",
    policies: [
      policy("base", { target: ACME, limits: { perMinute: 1, perDay: 2 } }),
      policy("override", { target: ACME, validity: valid, limits: { perMinute: 3 } }),
    ],
    obeys: ["TENANT_API [ANY /**]: minute=3 by override, day=2 by base"],
  },
  {
    rule: "among overrides the pattern decides, then the later start",
    policies: [
      policy("general", { validity: valid, limits: { perSecond: 1, perMinute: 1, perDay: 1 } }),
      policy("earlier", { api: "GET /v1/**", validity: valid, limits: { perMinute: 2, perDay: 2 } }),
      policy("later", { api: "GET /v1/**", validity: { ...valid, validFromMs: NOW_MS }, limits: { perDay: 3 } }),
    ],
    obeys: [
      "TENANT_API [ANY /**]: second=1 by general",
      "TENANT_API [GET /v1/**]: minute=2 by earlier, day=3 by later",
    ],
  },
];

test.each(OVERRIDES)("$rule", async ({ policies, obeys }) => {
  for (const order of [policies, policies.toReversed()]) {
    expect(lines(resolutionOf(await snapshotOf(order)))).toEqual(obeys);
  }
});

test("an override takes effect at its first instant and ends at its last, in one and the same snapshot", async () => {
  const snapshot = await snapshotOf([
    policy("base", minute(1)),
    policy("override", { validity: { validFromMs: NOW_MS, validUntilMs: NOW_MS + 10 }, ...minute(2) }),
  ]);
  const at = (nowMs: number): string[] => lines(resolutionOf(snapshot, { nowMs }));
  const instants = [NOW_MS - 1, NOW_MS, NOW_MS + 9, NOW_MS + 10, NOW_MS, NOW_MS - 1];
  expect(instants.map((nowMs) => at(nowMs)[0])).toEqual(
    ["base", "override", "override", "base", "override", "base"].map(
      (id) => `TENANT_API [ANY /**]: minute=${id === "base" ? 1 : 2} by ${id}`,
    ),
  );
});
