import { expect, test } from "vitest";
import { readPolicyFile } from "./policy-file.file.ts";
import { describeFault, parsePolicyFile } from "./policy-file.ts";
import { sourceOfSet } from "./policy-set.ts";

const GOOD = `
plans:
  - { name: FREE, limits: { perSecond: 20, perMinute: 200, perDay: 5000, quotaPerDay: 20000, quotaPerMonth: 200000 } }
tenants:
  - { id: acme, name: Acme Corp, plan: FREE, timeZone: Asia/Seoul, status: ACTIVE }
  - { id: globex, plan: FREE }
apiPolicies:
  - name: acme-export            # unique
    target: { tenant: acme }     # or { plan: FREE }, or everyone
    httpMethod: post             # or ANY
    apiPattern: /v1/%72eport//export/
    scope: TENANT_API
    limits: { perMinute: 10, quotaPerMonth: 1000, perSecond: null }
    enforcement: ENFORCE         # or SHADOW
    enabled: true
  - { name: all, target: everyone, httpMethod: ANY, apiPattern: /**, scope: TENANT, limits: { perDay: -1 } }
`;

const GOOD_SET = {
  plans: [
    {
      name: "FREE",
      limits: { perSecond: 20, perMinute: 200, perDay: 5000, quotaPerDay: 20000, quotaPerMonth: 200000 },
    },
  ],
  tenants: [
    { id: "acme", name: "Acme Corp", plan: "FREE", timeZone: "Asia/Seoul", status: "ACTIVE" },
    { id: "globex", name: "globex", plan: "FREE", timeZone: null, status: "ACTIVE" },
  ],
  policies: [
    {
      name: "acme-export",
      target: { kind: "TENANT", tenant: "acme" },
      httpMethod: "POST",
      apiPattern: "/v1/report/export",
      scope: "TENANT_API",
      limits: { perMinute: 10, quotaPerMonth: 1000 },
      enforcement: "ENFORCE",
      enabled: true,
      fallback: null,
      validity: null,
      reason: null,
    },
    { name: "all", target: { kind: "EVERYONE" }, limits: { perDay: -1 }, enforcement: "ENFORCE", enabled: true },
  ],
};

test("the file of the handbook reads as what it says, canonical and with defaults", () => {
  expect(parsePolicyFile(GOOD)).toMatchObject({ kind: "parsed", file: { set: GOOD_SET, references: [] } });
});

test("JSON, with tabs, is such a file too", () => {
  const plain = { plans: GOOD_SET.plans, tenants: [{ id: "acme", plan: "FREE" }] };
  const parsed = parsePolicyFile(JSON.stringify(plain, null, "\t"));
  expect(parsed).toMatchObject({ kind: "parsed", file: { set: { plans: GOOD_SET.plans, policies: [] } } });
});

test("an anchor is a shorthand, and a fault behind it is told at the place that it stands", () => {
  const text = `
plans:
  - { name: A, limits: &limits { perSecond: 1 } }
  - { name: B, limits: *limits }
`;
  const b = { name: "B", limits: { perSecond: 1 } };
  expect(parsePolicyFile(text)).toMatchObject({ kind: "parsed", file: { set: { plans: [{}, b] } } });
  expect(faults(text.replace("perSecond: 1", "perSecond: 1.5"))).toEqual([
    expect.stringMatching(/^f:3: plans\/0\/limits\/perSecond must be an integer/),
    expect.stringMatching(/^f:3: plans\/1\/limits\/perSecond must be an integer/),
  ]);
});

test("every fault is listed with its line and what would be right", () => {
  const text = `plans:
  - { name: FREE, limits: { perSecond: 1, perHour: 5 } }
  - { name: FREE, limits: { perDay: 10000000001 } }
  - { name: "a b" }
tenants:
  - { id: "a/b", plan: FREE, timeZone: Mars/Olympus, status: OPEN }
  - { id: 17, plan: FREE }
  - nobody
apiPolicies:
  - name: p
    target: { tenant: acme, plan: FREE }
    httpMethod: GE T
    apiPattern: /a/**/b
    limits: {}
    enabled: yes
    since: now
extra: 1
`;
  expect(faults(text)).toEqual([
    "f:2: plans/0/limits/perHour is unknown: the fields here are perSecond, perMinute, perDay, quotaPerDay, quotaPerMonth",
    "f:3: plans/1/limits/perDay must be an integer from 1 to 10000000000, or 0 (blocked), or -1 (unlimited)",
    "f:4: plans/2/name must be 1 to 64 of A-Z a-z 0-9 . _ -",
    "f:4: plans/2/limits is missing: give at least one of perSecond, perMinute, perDay, quotaPerDay, quotaPerMonth",
    "f:6: tenants/0/id must be 1 to 64 of A-Z a-z 0-9 . _ -",
    "f:6: tenants/0/timeZone must be an IANA name, such as Asia/Seoul",
    "f:6: tenants/0/status must be one of ACTIVE, SUSPENDED",
    "f:7: tenants/1/id must be 1 to 64 of A-Z a-z 0-9 . _ -: it is a number, put it in quotes",
    "f:8: tenants/2 must be a mapping",
    "f:10: apiPolicies/0/scope is missing: give one of TENANT, TENANT_API, TENANT_USER, TENANT_USER_API",
    "f:11: apiPolicies/0/target must be everyone, { plan: NAME } or { tenant: ID }",
    "f:12: apiPolicies/0/httpMethod must be an HTTP method such as POST, or ANY",
    "f:13: apiPolicies/0/apiPattern segment 2: ** stands only last; use * in between",
    "f:15: apiPolicies/0/enabled must be true or false",
    "f:16: apiPolicies/0/since is unknown: the fields here are name, target, httpMethod, apiPattern, scope, limits, enforcement, enabled, fallback",
    "f:17: extra is unknown: the fields here are plans, tenants, apiPolicies",
  ]);
});

test("rows declared twice are faults at the second one, whatever they are called", () => {
  const rule = "target: everyone, httpMethod: GET, scope: TENANT_API, limits: { perDay: 1 }";
  const text = `plans: [{ name: FREE, limits: {} }]
tenants:
  - { id: a, plan: FREE }
  - { id: a, plan: FREE }
apiPolicies:
  - { name: one, apiPattern: /x, ${rule} }
  - { name: two, apiPattern: /%78/, ${rule} }
  - { name: one, apiPattern: /y, ${rule} }
`;
  expect(faults(text)).toEqual([
    "f:4: tenants/1/id has the same id as tenants/0",
    "f:7: apiPolicies/1/name has the same target, httpMethod, apiPattern, scope and enforcement as apiPolicies/0",
    "f:8: apiPolicies/2/name has the same name as apiPolicies/0",
  ]);
});

test("what is named and not declared is a reference, for the database to know, and a fault beside other faults", () => {
  const text = "tenants:\n  - { id: a, plan: GOLD }\n";
  const reference = { kind: "PLAN", key: "GOLD", line: 2, where: "tenants/0/plan" };
  expect(parsePolicyFile(text)).toMatchObject({ kind: "parsed", file: { references: [reference] } });
  expect(faults(`${text}more: 1\n`)).toEqual([
    "f:2: tenants/0/plan names the plan GOLD, which does not exist: declare it",
    "f:3: more is unknown: the fields here are plans, tenants, apiPolicies",
  ]);
});

test("text that is no YAML, two documents, a key twice and no mapping at all are faults with a line", () => {
  expect(faults("plans: [")[0]).toMatch(/^f:1: /);
  expect(faults("plans: []\nplans: []\n")[0]).toMatch(/^f:2: .*unique/);
  expect(faults("plans: []\n---\nplans: []\n")[0]).toMatch(/^f:\d: .*multiple documents/);
  expect(faults("")).toEqual(["f:1: must be a mapping with the fields plans, tenants, apiPolicies"]);
  expect(faults("- a\n- b\n")).toEqual(["f:1: must be a mapping with the fields plans, tenants, apiPolicies"]);
});

test("a bomb of aliases is refused", () => {
  const level = (n: number) =>
    `  - &l${n} [${Array(10)
      .fill(`*l${n - 1}`)
      .join(",")}]`;
  const text = `plans:\n  - &l0 [a]\n${[1, 2, 3, 4, 5].map(level).join("\n")}\n`;
  expect(faults(text)[0]).toMatch(/alias/);
});

test("names that mean something to the language are plain names", () => {
  expect(faults("__proto__: { plans: 1 }\nconstructor: 1\n")).toEqual([
    "f:1: __proto__ is unknown: the fields here are plans, tenants, apiPolicies",
    "f:2: constructor is unknown: the fields here are plans, tenants, apiPolicies",
  ]);
});

test("a file that is not there is faulty, and says so", async () => {
  expect(await readPolicyFile("/nowhere/policies.yaml")).toMatchObject({
    kind: "faulty",
    faults: [{ problem: expect.stringContaining("cannot be read") }],
  });
});

test("without a database the set is a source of snapshots as it stands", () => {
  const parsed = parsePolicyFile(GOOD);
  if (parsed.kind === "faulty") throw new Error("the good file is faulty");
  const { tenants, policies } = sourceOfSet(parsed.file.set, "Europe/Berlin");
  expect([...tenants].map(({ timeZone }) => timeZone)).toEqual(["Asia/Seoul", "Europe/Berlin"]);
  expect([...policies].map(({ id }) => id)).toEqual(["declared:acme-export", "declared:all"]);
  expect([...policies][0]).not.toHaveProperty("reason");
});

function faults(text: string): string[] {
  const parsed = parsePolicyFile(text);
  return parsed.kind === "faulty" ? parsed.faults.map((fault) => describeFault("f", fault)) : [];
}
