import { expect, test } from "vitest";
import { Secret } from "../platform/secret.ts";
import { auditable, auditableText } from "./auditable.ts";

test.each([
  "password",
  "newPassword",
  "password_hash",
  "PASSWORD",
  "accessToken",
  "refresh-token",
  "clientSecret",
  "credential",
  "X-Service-Auth-Credential",
  "Authorization",
  "Cookie",
  "privateKey",
  "signing_key",
  "apikey",
])("what is named %s is masked, however deep and whatever it is", (name) => {
  for (const value of ["hunter2", 4711, { inner: "hunter2" }, ["hunter2"]]) {
    expect(auditable({ list: [{ [name]: value, kept: 1 }] })).toEqual({ list: [{ [name]: "***", kept: 1 }] });
  }
});

test.each(["tokenId", "credential_ids", "passwordChangedAt", "credentialCount", "key", "apiPattern", "keyId"])(
  "%s is no secret",
  (name) => {
    expect(auditable({ [name]: "shown" })).toEqual({ [name]: "shown" });
  },
);

test("that there is no secret, or that one must be changed, stays readable", () => {
  const state = { password: null, mustChangePassword: true };
  expect(auditable(state)).toEqual(state);
});

test.each([
  "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----",
  "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJraW0ifQ.c2ln",
  "Bearer 0123456789abcdef",
  "postgresql://sluice:hunter2@db:5432/sluice",
])("%s is masked by its looks, under any name", (text) => {
  expect(auditable({ name: text })).toEqual({ name: "***" });
  expect(auditableText(text, 512)).toBe("***");
});

test("a Secret masks itself, and dates, absent members and NaN become JSON", () => {
  const value = { held: new Secret("hunter2"), at: new Date(0), gone: undefined, odd: Number.NaN };
  expect(auditable(value)).toEqual({ held: "***", at: "1970-01-01T00:00:00.000Z", odd: null });
  expect(auditable(undefined)).toBe(null);
});

test("what PostgreSQL cannot hold is replaced, in names too, and texts are cut to their bound", () => {
  expect(auditable({ "a\0": "\ud800x\0" })).toEqual({ "a\ufffd": "\ufffdx\ufffd" });
  expect(auditableText("ab😀", 3)).toBe("ab\ufffd");
});

test("a member called __proto__ stays a member", () => {
  expect(JSON.stringify(auditable(JSON.parse('{"__proto__":{"a":1}}')))).toBe('{"__proto__":{"a":1}}');
});

test("nesting ends at a bound", () => {
  const deep = JSON.parse(`${"[".repeat(1_000)}1${"]".repeat(1_000)}`);
  expect(JSON.stringify(auditable(deep))).toBe(`${"[".repeat(32)}"…"${"]".repeat(32)}`);
});
