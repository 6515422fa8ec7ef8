import { LIMIT_FIELDS, type Warning } from "@sluice/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { normalisePath } from "./path.ts";
import { parsePattern, patternSegments } from "./pattern.ts";
import type { Plan, Policy } from "./policy.ts";
import { createLint } from "./policy-lint.ts";
import { type Rows, referenceResolution } from "./resolve.reference.ts";
import { ACME, EVERYONE, FREE, NOW_MS, policy, tenant } from "./resolve.world.ts";

const PRO = { kind: "PLAN", plan: "PRO" } as const;
const PLANS: readonly Plan[] = [
  { name: "FREE", limits: { perMinute: 200 } },
  { name: "PRO", limits: {} },
];
const valid = { validFromMs: NOW_MS - 1_000, validUntilMs: NOW_MS + 1_000 };

function lintIn(others: readonly Policy[], written: Policy): Warning[] {
  const set = { plans: PLANS, policies: [...others, written], planOf: (id: string) => (id === "acme" ? "FREE" : null) };
  return createLint(set, NOW_MS).policy(written);
}
const codesIn = (others: readonly Policy[], written: Policy) => lintIn(others, written).map(({ code }) => code);
const minute = (perMinute: number) => ({ limits: { perMinute } });

test("a sound policy is not remarked on", () => {
  const other = policy("other", { target: FREE, ...minute(3) });
  expect(lintIn([other], policy("sound", { target: ACME, limits: { perSecond: 5, perMinute: 100 } }))).toEqual([]);
});

test("a remark says its code, what is meant by it and where in the body it belongs", () => {
  const set = { plans: PLANS, policies: [], planOf: () => null };
  const written = policy("twice", { enabled: false, limits: { perSecond: 9, perMinute: 5 } });
  expect(createLint(set, NOW_MS).policy(written, "/apiPolicies/3")).toEqual([
    {
      code: "DISABLED",
      message: "The row is stored and not in force: enable it to put it in force.",
      pointer: "/apiPolicies/3/enabled",
    },
    {
      code: "UNREACHABLE_LIMIT",
      message:
        "A limit of a longer window is lower, so the one of the shorter window is never reached: perMinute 5 is below perSecond 9.",
      pointer: "/apiPolicies/3/limits/perSecond",
    },
  ]);
});

test.each([
  ["/a/./b", "/apiPattern"],
  ["/a/../b", "/apiPattern"],
  ["/a//b", "/apiPattern"],
  ["/a/", "/apiPattern"],
  ["/%61", "/apiPattern"],
  ["/caf\u00e9", "/apiPattern"],
  ["/a/**/b", "/apiPattern"],
  ["a", "/apiPattern"],
])("the pattern %s can never match", (apiPattern, pointer) => {
  const written = { ...policy("never", minute(1)), apiPattern };
  expect(lintIn([], written)).toMatchObject([{ code: "NEVER_MATCHES", pointer }]);
});

test("a method that is not upper-case, or no method, can never match", () => {
  for (const httpMethod of ["get", "", "G T"]) {
    expect(lintIn([], { ...policy("never", minute(1)), httpMethod })).toMatchObject([
      { code: "NEVER_MATCHES", pointer: "/httpMethod" },
    ]);
  }
});

test("exactly the patterns that no normalised path can have are said never to match", () => {
  const segment = fc.oneof(fc.constantFrom("a", "*", "..", ".", "", "%2f", "%2F", "%41", "b c", "%"), fc.string());
  const patterns = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`);
  const said = { never: 0, maybe: 0 };
  fc.assert(
    fc.property(patterns, (apiPattern) => {
      const written = { ...policy("drawn", minute(1)), apiPattern };
      const isNever = codesIn([], written).includes("NEVER_MATCHES");
      said[isNever ? "never" : "maybe"] += 1;
      // A path made by filling in the pattern: it is normal itself exactly when the pattern's literals are.
      const filled = patternSegments(apiPattern.replace(/\/\*\*$/, "") || "/").map((one) => (one === "*" ? "x" : one));
      const path = normalisePath(`/${filled.join("/")}`);
      const isNormal = path.kind === "path" && path.segments.join("/") === filled.join("/");
      const isPattern = parsePattern(apiPattern).kind === "pattern";
      expect(isNever).toBe(!(isNormal && isPattern));
    }),
    { seed: 20261122, numRuns: 1_000 },
  );
  expect(Math.min(said.never, said.maybe)).toBeGreaterThan(100);
});

test.each([
  [{ perSecond: 10, perMinute: 9 }, ["/limits/perSecond"]],
  [{ perSecond: 10, perMinute: 20 }, []],
  [{ perMinute: 10, perDay: 9 }, ["/limits/perMinute"]],
  [{ perSecond: 10, perDay: 9 }, ["/limits/perSecond"]],
  [{ perSecond: 10, perMinute: -1, perDay: 9 }, ["/limits/perSecond"]],
  [{ perSecond: 10, perMinute: 8, perDay: 6 }, ["/limits/perSecond", "/limits/perMinute"]],
  [{ quotaPerDay: 10, quotaPerMonth: 9 }, ["/limits/quotaPerDay"]],
  [{ perDay: 10, quotaPerDay: 9 }, []],
  [{ perSecond: 10, perMinute: 0 }, []],
])("of the limits %j these are unreachable: %j", (limits, pointers) => {
  const set = { plans: [], policies: [], planOf: () => null };
  const lint = createLint(set, NOW_MS);
  for (const warnings of [lint.policy(policy("p", { limits })), lint.plan({ name: "FREE", limits })]) {
    const expected = pointers.map((pointer) => ({ code: "UNREACHABLE_LIMIT", pointer }));
    expect(warnings).toMatchObject(expected);
  }
});

test("a policy without limits, a SHADOW policy without limits to exceed, and an override that is over are named", () => {
  expect(codesIn([], policy("p", { limits: { perDay: null } }))).toEqual(["LIMITS_NOTHING"]);
  expect(codesIn([], policy("p", { enforcement: "SHADOW", limits: { perDay: -1 } }))).toEqual(["WATCHES_NOTHING"]);
  expect(codesIn([], policy("p", { enforcement: "SHADOW", limits: { perDay: 0 } }))).toEqual([]);
  const ended = { validFromMs: NOW_MS - 10, validUntilMs: NOW_MS };
  expect(codesIn([], policy("p", { validity: ended, ...minute(1) }))).toEqual(["OVERRIDE_ENDED"]);
  expect(codesIn([], policy("p", { validity: { ...ended, validUntilMs: NOW_MS + 1 }, ...minute(1) }))).toEqual([]);
});

test("a limit in scope TENANT that the plan sets alike is named, unless something else sets it", () => {
  for (const target of [ACME, FREE]) {
    const same = policy("same", { target, scope: "TENANT", limits: { perMinute: 200, perDay: 9_000 } });
    expect(lintIn([], same)).toMatchObject([{ code: "EQUALS_PLAN", pointer: "/limits/perMinute" }]);
    expect(lintIn([policy("other", { scope: "TENANT", ...minute(7) })], same)).toEqual([]);
    expect(lintIn([], { ...same, scope: "TENANT_API" })).toEqual([]);
    expect(lintIn([], { ...same, limits: { perMinute: 199 } })).toEqual([]);
  }
});

test("a policy for everyone is without effect once every plan has one that covers it", () => {
  const written = policy("written", { api: "GET /v1/export", limits: { perMinute: 1, perDay: 9 } });
  const free = policy("free", { target: FREE, api: "GET /v1/**", limits: { perMinute: 2, perDay: 9, perSecond: 1 } });
  const pro = policy("pro", { target: PRO, api: "ANY /**", limits: { perMinute: 3, perDay: -1 } });
  expect(lintIn([free, pro], written)).toMatchObject([
    { code: "WITHOUT_EFFECT", message: expect.stringContaining("perMinute is set by free, pro"), pointer: "" },
  ]);
  for (const weaker of [
    { ...pro, limits: { perMinute: 3 } },
    { ...pro, apiPattern: "/v2/**" },
    { ...pro, apiPattern: "/v1/export/*" },
    { ...pro, httpMethod: "POST" },
    { ...pro, enabled: false },
    { ...pro, enforcement: "SHADOW" as const },
    { ...pro, scope: "TENANT" as const },
    { ...pro, validity: valid },
  ]) {
    expect(codesIn([free, weaker], written)).toEqual([]);
  }
  expect(codesIn([free, pro], { ...written, fallback: "BLOCK_ALL" })).toEqual([]);
  expect(codesIn([free, pro], { ...written, target: ACME })).toEqual([]);
});

test("an override is without effect while a later one of the same target and pattern outlasts it", () => {
  const written = policy("written", {
    target: ACME,
    validity: { ...valid, validFromMs: NOW_MS - 2_000 },
    ...minute(1),
  });
  const later = policy("later", { target: ACME, validity: valid, ...minute(2) });
  expect(codesIn([later], written)).toEqual(["WITHOUT_EFFECT"]);
  expect(codesIn([{ ...later, validity: { ...valid, validUntilMs: NOW_MS + 999 } }], written)).toEqual([]);
  expect(codesIn([{ ...later, validity: { ...valid, validFromMs: NOW_MS + 1 } }], written)).toEqual([]);
  expect(codesIn([written], later)).toEqual([]);
});

test("a SHADOW policy is without effect behind a SHADOW policy that covers it, whatever that one sets", () => {
  const shadow = (id: string, written: Partial<Policy>) => policy(id, { enforcement: "SHADOW", ...written });
  const covering = [FREE, PRO].map((target, i) => shadow(`p${i}`, { target, limits: { perDay: 1 } }));
  expect(lintIn(covering, shadow("written", minute(1)))).toMatchObject([
    { code: "WITHOUT_EFFECT", message: expect.stringContaining("evaluated instead: p0, p1") },
  ]);
  expect(codesIn(covering.slice(1), shadow("written", minute(1)))).toEqual([]);
});

const PATTERNS = ["/**", "/a/**", "/a/*", "/a/b", "/*/b", "/*"];
const drawnPolicy = fc.record({
  target: fc.constantFrom(EVERYONE, FREE, PRO, FREE, PRO, ACME),
  httpMethod: fc.constantFrom("ANY", "ANY", "GET"),
  apiPattern: fc.constantFrom(...PATTERNS, "/**", "/**", "/**"),
  scope: fc.constantFrom("TENANT", "TENANT_API", "TENANT_API" as const),
  limits: fc.record({ perSecond: fc.constantFrom(0, 5, -1), perMinute: fc.constantFrom(7, 200) }, { requiredKeys: [] }),
  enforcement: fc.constantFrom("ENFORCE", "SHADOW" as const),
  enabled: fc.constantFrom(true, true, true, false),
  fallback: fc.constantFrom(null, null, null, "BLOCK_ALL"),
  validity: fc.oneof(
    { weight: 2, arbitrary: fc.constant(null) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.integer({ min: -3, max: 2 }), fc.integer({ min: 1, max: 5 }))
        .map(([from, length]) => ({ validFromMs: NOW_MS + from, validUntilMs: NOW_MS + from + length })),
    },
  ),
}) as fc.Arbitrary<Omit<Policy, "id" | "name">>;
/** General policies of both plans, so that some of the others are overruled. */
const drawnCover = fc.tuple(drawnPolicy, drawnPolicy).map(([free, pro]) => {
  const { scope, enforcement } = free;
  return [
    { ...free, target: FREE, httpMethod: "ANY", apiPattern: "/**", enabled: true },
    { ...pro, target: PRO, httpMethod: "ANY", enabled: true, validity: null, scope, enforcement },
  ];
});
const drawnRows = fc
  .tuple(fc.array(drawnPolicy, { minLength: 3, maxLength: 12 }), drawnCover)
  .map(([drawn, cover]): Rows => {
    const policies = [...drawn, ...cover].map((one, i) => ({ ...one, id: `p${i}`, name: `p${i}` }));
    const tenants = [tenant("acme"), tenant("free"), tenant("pro", { plan: "PRO" })];
    return { policies, plans: PLANS, tenants };
  });

/** Every call that differs in what the drawn policies can tell apart, from now on. */
function everyResolution(rows: Rows) {
  const paths = [[], ["a"], ["z"], ["a", "b"], ["z", "b"], ["a", "z"], ["a", "b", "c"]];
  return rows.tenants.flatMap(({ id }) =>
    ["GET", "POST"].flatMap((method) =>
      paths.flatMap((path) =>
        [0, 1, 3, 9].map((laterMs) => referenceResolution(rows, id, method, path, NOW_MS + laterMs)),
      ),
    ),
  );
}

test("what is said to be without effect changes no resolution when it is left out", () => {
  const found = { enforced: 0, shadow: 0 };
  fc.assert(
    fc.property(drawnRows, (rows) => {
      const lint = createLint({ ...rows, planOf: (id) => (id === "pro" ? "PRO" : "FREE") }, NOW_MS);
      const idle = rows.policies.filter((one) => lint.policy(one).some(({ code }) => code === "WITHOUT_EFFECT"));
      for (const one of idle) found[one.enforcement === "SHADOW" ? "shadow" : "enforced"] += 1;
      for (const one of idle) {
        const without = { ...rows, policies: rows.policies.filter((other) => other !== one) };
        expect(everyResolution(without)).toEqual(everyResolution(rows));
      }
    }),
    { seed: 20261122, numRuns: 400 },
  );
  expect(Math.min(found.enforced, found.shadow)).toBeGreaterThan(10);
});

test("a limit that is said to equal the plan's can be left out without a change of any limit", () => {
  const capacities = (rows: Rows) =>
    everyResolution(rows).map(({ claims, blocked }) => [
      blocked?.window,
      claims.flatMap(({ scope, api, enforced }) =>
        enforced.map(({ window, capacity }) => [scope, api, window, capacity]),
      ),
    ]);
  let found = 0;
  fc.assert(
    fc.property(drawnRows, (rows) => {
      const lint = createLint({ ...rows, planOf: (id) => (id === "pro" ? "PRO" : "FREE") }, NOW_MS);
      for (const one of rows.policies) {
        const repeated = lint.policy(one).filter(({ code }) => code === "EQUALS_PLAN");
        const fields = LIMIT_FIELDS.filter((field) => repeated.some(({ pointer }) => pointer === `/limits/${field}`));
        if (fields.length === 0) continue;
        found += 1;
        const limits = { ...one.limits, ...Object.fromEntries(fields.map((field) => [field, null])) };
        const policies = rows.policies.map((other) => (other === one ? { ...one, limits } : other));
        expect(capacities({ ...rows, policies })).toEqual(capacities(rows));
      }
    }),
    { seed: 20261122, numRuns: 400 },
  );
  expect(found).toBeGreaterThan(10);
});
