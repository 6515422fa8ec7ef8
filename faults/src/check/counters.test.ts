import { expect, test } from "vitest";
import { createCounterFinder } from "./counters.ts";
import { admitted, limited } from "./journal.world.ts";

test("a pattern matches its stem and what lies below it, and nothing that merely begins alike", () => {
  const find = createCounterFinder(limited({ perDay: 3 }, "TENANT_API", "/orders/**"));
  const matches = (path: string) => find(admitted(0, { path })).length === 1;
  expect(["/orders", "/orders/7", "/ordersx", "/reports"].map(matches)).toEqual([true, true, false, false]);
});

test("policies that the checker cannot judge are refused instead of guessed at", () => {
  const [policy] = limited({ perDay: 3 }).policies;
  const finderOf = (over: object) =>
    createCounterFinder({ ...limited({}), policies: [{ ...(policy as NonNullable<typeof policy>), ...over }] });
  expect(() => finderOf({ enforcement: "SHADOW" })).toThrow("too much for the checker");
  expect(() => finderOf({ httpMethod: "GET" })).toThrow("too much for the checker");
  expect(() => finderOf({ apiPattern: "/a/*/b" })(admitted(0))).toThrow("too much for the checker");
  expect(() => finderOf({ limits: { perDay: 0 } })(admitted(0))).toThrow("from 1");
  const twice = { ...limited({}), policies: [policy, policy] as NonNullable<typeof policy>[] };
  expect(() => createCounterFinder(twice)(admitted(0))).toThrow("Two policies of one scope");
});
