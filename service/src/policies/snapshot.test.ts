import { LIMIT_FIELDS, SCOPES } from "@sluice/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ManagedCredential } from "../auth/service-credential.ts";
import type { Plan, Policy, Target, Tenant } from "./policy.ts";
import { type Rows, referenceResolution } from "./resolve.reference.ts";
import {
  ACME,
  allFields,
  FREE,
  lines,
  NOW_MS,
  noPause,
  policy,
  resolutionOf,
  snapshotOf,
  tenant,
  VERSION,
} from "./resolve.world.ts";
import type { SnapshotSource } from "./snapshot.ts";
import { applyChange, compileSnapshot, type SnapshotChange } from "./snapshot-compile.ts";
import { type CompiledSnapshot, snapshotRows } from "./snapshot-compiled.ts";
import { UNITS_PER_SLICE } from "./snapshot-slices.ts";

const TENANTS = ["acme", "globex", "initech"];
const PLANS = ["FREE", "PRO"];

const someTarget: fc.Arbitrary<Target> = fc.oneof(
  fc.constant<Target>({ kind: "EVERYONE" }),
  fc.constantFrom(...PLANS).map((plan): Target => ({ kind: "PLAN", plan })),
  fc.constantFrom(...TENANTS).map((id): Target => ({ kind: "TENANT", tenant: id })),
);
const someLimits = fc.record(
  Object.fromEntries(LIMIT_FIELDS.map((field) => [field, fc.constantFrom(null, -1, 0, 1, 2, 3)])),
  { requiredKeys: [] },
);
const somePattern = fc
  .tuple(fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 3 }), fc.boolean())
  .map(([segments, isRest]) => `/${[...segments, ...(isRest ? ["**"] : [])].join("/")}`);
const someValidity = fc.option(
  fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: 0, max: 4 })).map(([from, length]) => ({
    validFromMs: NOW_MS + from,
    validUntilMs: NOW_MS + from + length,
  })),
);
const somePolicy: fc.Arbitrary<Policy> = fc.record({
  id: fc.integer({ min: 0, max: 60 }).map((number) => `p${number}`),
  name: fc.constant("p"),
  target: someTarget,
  httpMethod: fc.constantFrom("ANY", "GET", "PUT"),
  apiPattern: somePattern,
  scope: fc.constantFrom(...SCOPES),
  limits: someLimits,
  enforcement: fc.constantFrom("ENFORCE", "ENFORCE", "SHADOW"),
  enabled: fc.constantFrom(true, true, true, false),
  fallback: fc.constantFrom(null, null, "ALLOW_ALL", "BLOCK_ALL"),
  validity: someValidity,
});
const somePlan: fc.Arbitrary<Plan> = fc.record({ name: fc.constantFrom(...PLANS), limits: someLimits });
const someTenant: fc.Arbitrary<Tenant> = fc.record({
  id: fc.constantFrom(...TENANTS),
  plan: fc.constantFrom(...PLANS),
  status: fc.constantFrom("ACTIVE", "SUSPENDED"),
  timeZone: fc.constantFrom("UTC", "Asia/Seoul"),
  nextPlan: fc.option(
    fc.record({ plan: fc.constantFrom(...PLANS), atMs: fc.integer({ min: NOW_MS - 2, max: NOW_MS + 2 }) }),
  ),
});
const someRows: fc.Arbitrary<Rows> = fc.record({
  tenants: fc.uniqueArray(someTenant, { selector: ({ id }) => id }),
  plans: fc.uniqueArray(somePlan, { selector: ({ name }) => name }),
  policies: fc.uniqueArray(somePolicy, { selector: ({ id }) => id, maxLength: 40 }),
});

test("resolves as the plain reference does, for every tenant, method, path and instant", async () => {
  await fc.assert(
    fc.asyncProperty(someRows, async (rows) => {
      expectAsReference(await compileSnapshot(sourceOf(rows), noPause), rows);
    }),
    { seed: 20_261_122, numRuns: 200 },
  );
});

test("a snapshot changed step by step answers as one compiled anew, and those before it answer as they did", async () => {
  const someStep = fc.record({ rows: someRows, removed: fc.nat({ max: 3 }) });
  await fc.assert(
    fc.asyncProperty(someRows, fc.array(someStep, { minLength: 1, maxLength: 5 }), async (start, steps) => {
      const history: { snapshot: CompiledSnapshot; rows: Rows }[] = [];
      let rows = start;
      let snapshot = await compileSnapshot(sourceOf(rows), noPause);
      history.push({ snapshot, rows });
      for (const step of steps) {
        const change: SnapshotChange = {
          version: VERSION,
          tenants: { changed: step.rows.tenants.slice(0, 1), removed: TENANTS.slice(0, step.removed) },
          plans: { changed: step.rows.plans.slice(0, 1), removed: PLANS.slice(0, step.removed % 2) },
          policies: { changed: step.rows.policies.slice(0, 5), removed: [`p${step.removed}`, "unknown"] },
        };
        rows = rowsAfter(rows, change);
        snapshot = await applyChange(snapshot, change, noPause);
        history.push({ snapshot, rows });
      }
      for (const then of history) expectAsReference(then.snapshot, then.rows);
    }),
    { seed: 4, numRuns: 60 },
  );
});

test("the rows come back as they went in, disabled policies and scheduled plan changes included", async () => {
  await fc.assert(
    fc.asyncProperty(someRows, async (rows) => {
      const again = snapshotRows(await compileSnapshot(sourceOf(rows), noPause));
      expect(again.version).toEqual(VERSION);
      expect([...again.tenants]).toEqual(rows.tenants);
      expect([...again.plans]).toEqual(rows.plans);
      expect([...again.policies]).toEqual(rows.policies);
    }),
    { seed: 8, numRuns: 60 },
  );
});

test("calls that resolve alike share one resolution, also across tenants and across a change of another tenant", async () => {
  const given = { tenants: [tenant("acme"), tenant("globex"), tenant("special")] };
  const snapshot = await snapshotOf([policy("all", { api: "ANY /v1/**", limits: allFields(1) })], given);
  const resolution = resolutionOf(snapshot, { api: "GET /v1/a" });
  expect(resolutionOf(snapshot, { api: "PATCH /v1/b/c", tenant: "globex" })).toBe(resolution);
  const ofSpecial = policy("special", { target: { kind: "TENANT", tenant: "special" }, limits: allFields(9) });
  const next = await applyChange(
    snapshot,
    { version: VERSION, policies: { changed: [ofSpecial], removed: [] } },
    noPause,
  );
  expect(resolutionOf(next, { api: "GET /v1/x" })).toBe(resolution);
  expect(resolutionOf(next, { api: "GET /v1/x", tenant: "special" })).not.toBe(resolution);
});

test("a set of very many shapes resolves as the reference says", async () => {
  const policies = Array.from({ length: 600 }, (_, i) => {
    const segments = Array.from({ length: 10 }, (_, at) => ((i >> at) & 1 ? "*" : "a"));
    return policy(`p${i}`, { api: `ANY /${segments.join("/")}`, limits: { perMinute: i % 7 === 0 ? i + 1 : null } });
  });
  const rows = { tenants: [tenant("acme")], plans: [], policies };
  const snapshot = await compileSnapshot(sourceOf(rows), noPause);
  for (const path of ["aaaaaaaaaa", "baaaaaaaaa", "babababaaa", "aaaaabaaaa", "bbbbbbbbbb", "aaaaaaaaab"]) {
    const resolution = resolutionOf(snapshot, { api: `GET /${[...path].join("/")}` });
    expect(resolution).toEqual(referenceResolution(rows, "acme", "GET", [...path], NOW_MS));
  }
});

test("a policy may name a tenant or a plan that comes later, and outlives one that goes", async () => {
  const policies = [
    policy("later", { target: { kind: "TENANT", tenant: "later" }, limits: { perMinute: 1 } }),
    policy("team", { target: { kind: "PLAN", plan: "TEAM" }, limits: { perDay: 2 } }),
  ];
  const before = await snapshotOf(policies);
  expect(before.tenant("later", NOW_MS)).toBeNull();
  const added = { tenants: { changed: [tenant("later", { plan: "TEAM" })], removed: [] } };
  const team = { plans: { changed: [{ name: "TEAM", limits: { perSecond: 3 } }], removed: [] } };
  const after = await applyChange(before, { version: VERSION, ...added, ...team }, noPause);
  expect(lines(resolutionOf(after, { tenant: "later" }))).toEqual([
    "TENANT: second=3 by plan:TEAM",
    "TENANT_API [ANY /**]: minute=1 by later, day=2 by team",
  ]);
  const gone = { tenants: { changed: [], removed: ["later"] }, plans: { changed: [], removed: ["TEAM"] } };
  const last = await applyChange(after, { version: VERSION, ...gone }, noPause);
  expect(last.tenant("later", NOW_MS)).toBeNull();
  const back = await applyChange(last, { version: VERSION, ...added }, noPause);
  expect(lines(resolutionOf(back, { tenant: "later" }))).toEqual([
    "TENANT_API [ANY /**]: minute=1 by later, day=2 by team",
  ]);
});

test("a policy that moves to another target leaves the old one", async () => {
  const written = policy("moving", { target: ACME, limits: { perMinute: 1 } });
  const before = await snapshotOf([written], { tenants: [tenant("acme"), tenant("globex")] });
  const change = { version: VERSION, policies: { changed: [{ ...written, target: FREE }], removed: [] } };
  const after = await applyChange(before, change, noPause);
  expect(resolutionOf(before, { tenant: "globex" }).claims).toEqual([]);
  expect(resolutionOf(after).claims[0]?.enforced[0]?.source.target).toBe("PLAN");
  expect(resolutionOf(after, { tenant: "globex" }).claims).toHaveLength(1);
  expect(after.policyCount).toBe(1);
});

test("a compile lets others run after every slice; a change of one tenant is done within one", async () => {
  const counted = { pauses: 0 };
  const pause = (): Promise<void> => {
    counted.pauses += 1;
    return Promise.resolve();
  };
  const tenants = Array.from({ length: 20_000 }, (_, i) => tenant(`t${i}`));
  const snapshot = await compileSnapshot(sourceOf({ tenants, plans: [], policies: [] }), pause);
  expect(snapshot.tenantCount).toBe(20_000);
  expect(counted.pauses).toBeGreaterThanOrEqual(20_000 / UNITS_PER_SLICE);
  counted.pauses = 0;
  const change = {
    version: { ...VERSION, version: 2 },
    tenants: { changed: [tenant("t7", { plan: "PRO" })], removed: [] },
  };
  const after = await applyChange(snapshot, change, pause);
  expect(counted.pauses).toBe(0);
  expect(after.version.version).toBe(2);
  expect([snapshot, after].map((either) => either.tenant("t7", NOW_MS)?.plan)).toEqual(["FREE", "PRO"]);
});

test("a change of credentials leaves every policy as it was, and a change of policies every credential", async () => {
  const gateway: ManagedCredential = {
    ...{ id: "c1", tenants: ["acme"], expiresAtMs: NOW_MS + 60 },
    ...{ sha256: "of the secret", previous: { sha256: "of the one before", untilMs: NOW_MS + 5 } },
  };
  const everyone = { ...gateway, id: "c2", tenants: null, expiresAtMs: null, sha256: "of another", previous: null };
  const before = await snapshotOf([policy("all", { limits: { perMinute: 1 } })], { credentials: [gateway, everyone] });
  const tenants = new Set(["acme"]);
  expect([...before.callers]).toEqual([
    ["of the secret", { credentialId: "c1", tenants, untilMs: NOW_MS + 60 }],
    ["of the one before", { credentialId: "c1", tenants, untilMs: NOW_MS + 5 }],
    ["of another", { credentialId: "c2", tenants: null, untilMs: Number.POSITIVE_INFINITY }],
  ]);
  const acme = before.tenant("acme", NOW_MS);

  const credentials = { changed: [{ ...gateway, previous: null }], removed: ["c2", "unknown"] };
  const after = await applyChange(before, { version: VERSION, credentials }, noPause);
  expect([...after.callers.keys()]).toEqual(["of the secret"]);
  expect([...snapshotRows(after).credentials]).toEqual([{ ...gateway, previous: null }]);
  expect(after.parts.policies).toBe(before.parts.policies);
  expect(after.tenant("acme", NOW_MS)).toBe(acme);
  expect(before.callers.size).toBe(3);

  const plans = { changed: [{ name: "FREE", limits: {} }], removed: [] };
  const afterPlan = await applyChange(after, { version: VERSION, plans }, noPause);
  expect(afterPlan.callers).toBe(after.callers);
});

test("what a change leaves alone stays the same object, also where it is named in the change", async () => {
  const before = await snapshotOf([policy("all", { limits: { perMinute: 1 } })]);
  const acme = before.tenant("acme", NOW_MS);
  const none = { changed: [], removed: [] };
  const gone = { changed: [], removed: ["unknown"] };
  const ofTenant = {
    tenants: { changed: [tenant("acme", { plan: "PRO" })], removed: [] },
    plans: none,
    policies: gone,
  };
  const afterTenant = await applyChange(before, { version: VERSION, ...ofTenant }, noPause);
  expect(afterTenant.parts.policies).toBe(before.parts.policies);
  expect(afterTenant.parts.plans).toBe(before.parts.plans);
  const ofPlan = {
    tenants: none,
    plans: { changed: [{ name: "FREE", limits: {} }], removed: [] },
    policies: { changed: before.parts.policies.values(), removed: [] },
  };
  const afterPlan = await applyChange(before, { version: VERSION, ...ofPlan }, noPause);
  expect(afterPlan.parts.plans).not.toBe(before.parts.plans);
  expect(afterPlan.parts.policies).toBe(before.parts.policies);
  // The table itself, and with it the views it has given already.
  expect(afterPlan.tenant("acme", NOW_MS)).toBe(acme);
});

test("after long churn the numbers of tenants and words that are gone are given up, and answers stay", async () => {
  let snapshot = await snapshotOf([policy("all", { api: "ANY /v1/**", limits: { perMinute: 1 } })]);
  const first = snapshot.parts.lineage;
  for (let round = 0; round < 12; round += 1) {
    const changed = Array.from({ length: 500 }, (_, i) => tenant(`t${round}-${i}`));
    snapshot = await applyChange(snapshot, { version: VERSION, tenants: { changed, removed: [] } }, noPause);
    const removed = changed.map(({ id }) => id);
    snapshot = await applyChange(snapshot, { version: VERSION, tenants: { changed: [], removed } }, noPause);
  }
  expect(snapshot.parts.lineage).not.toBe(first);
  expect(snapshot.parts.tenants.ids.size).toBeLessThan(5_000);
  expect(snapshot.tenantCount).toBe(1);
  expect(lines(resolutionOf(snapshot))).toEqual(["TENANT_API [ANY /v1/**]: minute=1 by all"]);
});

function sourceOf(rows: Rows): SnapshotSource {
  return { version: VERSION, ...rows, credentials: [] };
}

function expectAsReference(snapshot: CompiledSnapshot, rows: Rows): void {
  expect([snapshot.tenantCount, snapshot.policyCount]).toEqual([rows.tenants.length, rows.policies.length]);
  for (const { id, status, timeZone } of rows.tenants) {
    for (const httpMethod of ["GET", "DELETE"]) {
      for (const path of ["", "a", "a/b", "b/a/c", "a/b/a/b"]) {
        const segments = path === "" ? [] : path.split("/");
        for (const nowMs of [NOW_MS - 1, NOW_MS + 1]) {
          expect(snapshot.tenant(id, nowMs)).toMatchObject({ id, status, timeZone });
          const resolution = resolutionOf(snapshot, { tenant: id, api: `${httpMethod} /${path}`, nowMs });
          expect(resolution).toEqual(referenceResolution(rows, id, httpMethod, segments, nowMs));
        }
      }
    }
  }
}

function rowsAfter(rows: Rows, { tenants, plans, policies }: SnapshotChange): Rows {
  const after = <Row>(
    before: readonly Row[],
    change: Readonly<{ changed: Iterable<Row>; removed: Iterable<string> }> | undefined,
    keyOf: (row: Row) => string,
  ): Row[] => {
    const kept = new Map(before.map((row) => [keyOf(row), row]));
    for (const key of change?.removed ?? []) kept.delete(key);
    for (const row of change?.changed ?? []) kept.set(keyOf(row), row);
    return [...kept.values()];
  };
  return {
    tenants: after(rows.tenants, tenants, ({ id }) => id),
    plans: after(rows.plans, plans, ({ name }) => name),
    policies: after(rows.policies, policies, ({ id }) => id),
  };
}
