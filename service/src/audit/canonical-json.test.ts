import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, type Json } from "./canonical-json.ts";

const SEED = 20261122;
const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;

// The examples of RFC 8785, sections 3.2.2 and 3.2.3.
test("numbers and strings are written as RFC 8785 wants them", () => {
  const value = JSON.parse(String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`);
  expect(canonicalJson(value)).toBe(
    `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],` +
      String.raw`"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  );
});

test("members are ordered by UTF-16 code units, not by code points", () => {
  const value = JSON.parse(
    String.raw`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7,"__proto__":8}`,
  );
  expect(Object.values(JSON.parse(canonicalJson(value)))).toEqual([4, 2, 8, 6, 7, 1, 5, 3]);
});

test("the order in which members were set changes nothing, and the text is the value", () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value));
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { seed: SEED, numRuns: 1_000 },
  );
});

test("two values have the same text exactly when they are the same", () => {
  const stored = json.map((value) => JSON.parse(JSON.stringify(value)) as Json);
  fc.assert(
    fc.property(stored, stored, (a, b) => {
      expect(canonicalJson(a) === canonicalJson(b)).toBe(isDeepStrictEqual(a, b));
      expect(canonicalJson([a, b]) === canonicalJson([b, a])).toBe(isDeepStrictEqual(a, b));
    }),
    { seed: SEED, numRuns: 1_000 },
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("%s is no JSON", (number) => {
  expect(() => canonicalJson({ number })).toThrow("JSON has no number");
});

/** The same value with every object's members set in the opposite order. */
function reversed(value: Json): Json {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(reversed);
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}
