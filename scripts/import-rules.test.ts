import { expect, test } from "vitest";
import { findViolations } from "./import-rules.ts";

const domain = (path: string) => `service/src/${path}`;
const rulesOf = (from: string, to: string, typesOnly = false) =>
  findViolations([{ from, to, typesOnly }]).map(({ rule }) => rule);

test.each([
  ["main.ts", "check/check.ts"],
  ["check/check.ts", "policies/snapshot.ts"],
  ["policies/snapshot.ts", "counters/claim.ts"],
  ["policies/policies.admin.ts", "check/parse.ts"],
  ["counters/counters.redis.ts", "platform/redis.ts"],
])("%s may import %s", (from, to) => {
  expect(rulesOf(domain(from), domain(to))).toEqual([]);
});

test.each([
  ["platform/http.ts", "tenants/tenant.ts"],
  ["tenants/tenants.pg.ts", "policies/policy.ts"],
  ["counters/counters.redis.ts", "check/check.ts"],
  ["policies/policies.pg.ts", "policies/policies.admin.ts"],
  ["check/check.http.ts", "main.ts"],
])("%s must not import %s: it is a layer above", (from, to) => {
  expect(rulesOf(domain(from), domain(to))).toEqual(["a lower layer must not import a higher one"]);
});

test("an unsuffixed file of a domain folder imports neither suffixed files nor I/O", () => {
  const pure = domain("usage/usage.ts");
  expect(rulesOf(pure, domain("usage/usage.pg.ts"))).toEqual(["an unsuffixed file is pure"]);
  expect(rulesOf(pure, "node:fs/promises")).toEqual(["an unsuffixed file is pure"]);
  expect(rulesOf(pure, domain("usage/usage.pg.ts"), true)).toEqual(["an unsuffixed file is pure"]);
  expect(rulesOf(pure, "kysely", true)).toEqual([]);
  expect(rulesOf(domain("usage/usage.pg.ts"), "pg")).toEqual([]);
  expect(rulesOf(domain("platform/files.ts"), "node:fs")).toEqual([]);
});

test("the contract knows no other workspace, and the service does not know the command line", () => {
  expect(rulesOf("contract/src/check.ts", domain("check/input.ts"))).toEqual(["contract must not import service"]);
  expect(rulesOf(domain("main.ts"), "cli/src/main.ts")).toEqual(["service must not import cli"]);
  expect(rulesOf("cli/src/serve.ts", domain("main.ts"))).toEqual([]);
  expect(rulesOf("cli/src/check.ts", "contract/src/index.ts")).toEqual([]);
});

test("what starts, measures or breaks the whole may reach everywhere, and nothing that is shipped knows it", () => {
  expect(rulesOf("stack/src/redis-stack.ts", "service/test/redis.ts")).toEqual([]);
  expect(rulesOf("faults/src/main.ts", "stack/src/stack.ts")).toEqual([]);
  expect(rulesOf(domain("main.ts"), "stack/src/stack.ts")).toEqual(["service must not import stack"]);
  expect(rulesOf("cli/src/main.ts", "bench/src/main.ts")).toEqual(["cli must not import bench"]);
});

test("only tests import tests", () => {
  expect(rulesOf(domain("main.ts"), "service/test/redis.ts")).toEqual(["only tests import tests"]);
  expect(rulesOf(domain("counters/counters.test.ts"), "service/test/redis.ts")).toEqual([]);
});

test("a cycle is named once, unless types alone close it", () => {
  const [a, b, c] = [domain("limits/a.ts"), domain("limits/b.ts"), domain("limits/c.ts")];
  const circle = (typesOnly: boolean) =>
    findViolations([
      { from: a, to: b, typesOnly: false },
      { from: b, to: c, typesOnly: false },
      { from: c, to: a, typesOnly },
      { from: a, to: c, typesOnly: false },
    ]);
  expect(circle(false)).toEqual([{ rule: `cycle: ${[a, b, c, a].join(" -> ")}`, from: c, to: a }]);
  expect(circle(true)).toEqual([]);
});

test("a folder without a layer is a fault that says where to give it one", () => {
  expect(() => rulesOf(domain("check/check.ts"), domain("billing/invoice.ts"))).toThrow("import-rules.ts");
});
