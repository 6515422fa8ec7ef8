import { CredentialUpdate, PlanReplace, PolicyWrite } from "@sluice/contract";
import type Type from "typebox";
import { expect, test } from "vitest";
import { partReader } from "./parts.ts";

const POLICY = { name: "a", target: "everyone", httpMethod: "GET", apiPattern: "/", scope: "TENANT", limits: {} };

/** Each fault as a person reads it. */
function told(schema: Type.TSchema, body: unknown): string[] {
  return partReader("body", schema)(body).faults.map(({ pointer, detail }) => `${pointer} ${detail}`);
}

test("a wrong limit is one fault, which says what it may be", () => {
  expect(told(PlanReplace, { limits: { perSecond: "5" } })).toEqual(["/limits/perSecond must be integer or null"]);
  expect(told(PlanReplace, { limits: { perSecond: -2 } })).toEqual(["/limits/perSecond must be >= -1 or null"]);
  expect(told(PlanReplace, { limits: { perDay: 1.5, quotaPerDay: 10 ** 16 } })).toEqual([
    "/limits/perDay must be integer or null",
    "/limits/quotaPerDay must be <= 1000000000000000 or null",
  ]);
});

test("a fault inside of what may be null is told where it is", () => {
  expect(told(CredentialUpdate, { tenants: ["acme", "a b"] })).toEqual([
    '/tenants/1 must match pattern "^[A-Za-z0-9._-]{1,64}$"',
  ]);
  expect(told(CredentialUpdate, { tenants: 5 })).toEqual(["/tenants must be array or null"]);
});

test("of several forms the one that is meant is told of, or all that there are", () => {
  const every = '/target must be everyone, { "plan": NAME } or { "tenant": ID }';
  expect(told(PolicyWrite, { ...POLICY, target: { tenant: "a b" } })).toEqual([
    '/target/tenant must match pattern "^[A-Za-z0-9._-]{1,64}$"',
  ]);
  for (const target of ["nobody", 5, {}, { user: "kim" }]) {
    expect(told(PolicyWrite, { ...POLICY, target })).toEqual([every]);
  }
});

test("other faults stay, and a value that fits has none", () => {
  const body = { ...POLICY, limits: { perDay: true }, scope: "USER", surplus: 1 };
  const places = told(PolicyWrite, body).map((line) => line.split(" ", 1)[0]);
  expect(places.sort()).toEqual(["/limits/perDay", "/scope", "/surplus"]);
  expect(told(PolicyWrite, { ...POLICY, limits: { perDay: null }, fallback: null })).toEqual([]);
});
