import { expect, test } from "vitest";
import type { Policy } from "./policy.ts";
import { NOW_MS, noPause, policy, segmentsOf } from "./resolve.world.ts";
import { compileRuleset, rankedPolicies } from "./resolve-ruleset.ts";
import { Lineage } from "./snapshot-compiled.ts";
import { Slices } from "./snapshot-slices.ts";

const valid = { validFromMs: NOW_MS, validUntilMs: NOW_MS + 1 };
const policies = [
  policy("rest", { api: "ANY /v1/**" }),
  policy("get", { api: "GET /v1/**" }),
  policy("override", { api: "ANY /**", validity: valid }),
  policy("expired", { api: "GET /v1/a", validity: { validFromMs: 0, validUntilMs: NOW_MS } }),
  policy("user", { api: "GET /v1/a", scope: "TENANT_USER" }),
  policy("tenant", { api: "GET /v1/a", scope: "TENANT" }),
  policy("disabled", { api: "GET /v1/a", enabled: false }),
  policy("elsewhere", { api: "GET /v2/a" }),
];

test("ranks what matches: overrides, then the pattern, then the method, then the scope", async () => {
  expect(await ranked("GET", "/v1/a")).toEqual(["override", "tenant", "user", "get", "rest"]);
  expect(await ranked("PUT", "/v1/a")).toEqual(["override", "rest"]);
});

test("a call whose method is the word ANY meets every policy once", async () => {
  expect(await ranked("ANY", "/v1/a")).toEqual(["override", "rest"]);
});

test("a ruleset keeps disabled policies among its rows", async () => {
  expect((await compiled()).ruleset.policies).toEqual(policies);
});

async function ranked(httpMethod: string, path: string): Promise<readonly Policy["id"][]> {
  const { ruleset, lineage } = await compiled();
  lineage.path.read(segmentsOf(path), lineage.words);
  return rankedPolicies(ruleset, lineage.path, httpMethod, NOW_MS).map(({ id }) => id);
}

async function compiled() {
  const lineage = new Lineage();
  return { lineage, ruleset: await compileRuleset(policies, null, lineage, new Slices(noPause)) };
}
