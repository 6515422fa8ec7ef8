import fc from "fast-check";
import { expect, test } from "vitest";
import { createKeys } from "./keys.ts";
import { slotOf } from "./topology.ts";

const keys = createKeys("sl:", "a secret");
const tenant = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/);
const text = fc.string({ maxLength: 128, unit: "binary" });

const ofAll = (id: string, user: string, api: string, request: string) => [
  keys.tenant(id),
  keys.usage(id, "incarnation.0", 20261122),
  keys.usage(id, "incarnation.0", 20261123),
  keys.api(id, api),
  keys.user(id, user),
  keys.userApi(id, user, api),
  keys.request(id, request),
];

test("what callers choose neither shapes nor grows a key, nor moves it to another slot", () => {
  fc.assert(
    fc.property(tenant, text, text, text, (id, user, api, request) => {
      for (const key of ofAll(id, user, api, request)) {
        expect(key).toMatch(/^sl:\{[A-Za-z0-9._-]{1,64}\}(:[awuvr]:[A-Za-z0-9_.:-]{1,64})?$/);
        expect(key.slice(key.indexOf("{") + 1, key.indexOf("}"))).toBe(id);
      }
    }),
    { seed: 20261122, numRuns: 2_000 },
  );
});

test("different tenants, users, APIs and request ids have different keys", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(tenant, text, text, text), { selector: String, maxLength: 8 }), (tuples) => {
      const userApis = tuples.map(([id, user, api]) => `${id} ${JSON.stringify([user, api])}`);
      const named = tuples.map(([id, user, api]) => keys.userApi(id, user, api));
      expect(new Set(named).size).toBe(new Set(userApis).size);
    }),
    { seed: 20261122, numRuns: 1_000 },
  );
});

test("a user's digest is keyed: another secret gives another key", () => {
  expect(createKeys("sl:", "another secret").user("acme", "kim")).not.toBe(keys.user("acme", "kim"));
});

test("the slot of a key is that of the Redis Cluster specification", () => {
  expect(slotOf("123456789")).toBe(0x31c3 % 16_384);
  expect(slotOf("foo")).toBe(12_182);
  expect(slotOf("")).toBe(0);
});
