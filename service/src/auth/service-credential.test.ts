import { expect, test } from "vitest";
import { createCredentials } from "./credentials.ts";
import { callerAt, callersOf, type ManagedCredential } from "./service-credential.ts";
import { digestOfSecret, lastFour, looksManaged, newServiceSecret } from "./service-credential-secret.ts";

const ID = "0b7e4a2c-0000-4000-8000-000000000001";
const NOON_MS = Date.UTC(2026, 10, 22, 12);

function credential(given: Partial<ManagedCredential> = {}): ManagedCredential {
  return { id: ID, tenants: null, expiresAtMs: null, sha256: "current", previous: null, ...given };
}

function accepted(given: Partial<ManagedCredential>, sha256: string, nowMs: number): boolean {
  return callerAt(new Map(callersOf(credential(given))), sha256, nowMs) !== null;
}

test("a secret names its credential and holds 256 random bits, in characters that any credential may have", () => {
  const secret = newServiceSecret(ID);
  expect(secret).toMatch(/^slk_0b7e4a2c_[A-Za-z0-9_-]{43}$/);
  expect(Buffer.from(secret.slice(-43), "base64url")).toHaveLength(32);
  expect(newServiceSecret(ID)).not.toBe(secret);
  expect([looksManaged(secret), looksManaged("old-credential-0001")]).toEqual([true, false]);
  expect(secret.endsWith(lastFour(secret))).toBe(true);
});

test("without an expiry a secret is accepted for ever, with one until that instant", () => {
  expect(accepted({}, "current", Number.MAX_SAFE_INTEGER)).toBe(true);
  expect(accepted({ expiresAtMs: NOON_MS }, "current", NOON_MS - 1)).toBe(true);
  expect(accepted({ expiresAtMs: NOON_MS }, "current", NOON_MS)).toBe(false);
  expect(accepted({}, "another", NOON_MS)).toBe(false);
});

test("the secret before a rotation is accepted until the overlap ends, and never beyond the expiry", () => {
  const previous = { sha256: "before", untilMs: NOON_MS };
  expect(accepted({ previous }, "before", NOON_MS - 1)).toBe(true);
  expect(accepted({ previous }, "before", NOON_MS)).toBe(false);
  expect(accepted({ previous }, "current", NOON_MS)).toBe(true);
  expect(accepted({ previous, expiresAtMs: NOON_MS - 10 }, "before", NOON_MS - 10)).toBe(false);
});

test("managed and configured credentials are known side by side, each with its tenants", () => {
  const managed = newServiceSecret(ID);
  const likeManaged = newServiceSecret(ID);
  const callers = new Map(callersOf(credential({ tenants: ["acme"], sha256: digestOfSecret(managed) })));
  const credentials = createCredentials(
    [
      { secret: "configured-credential", tenants: ["globex"] },
      { secret: likeManaged, tenants: null },
    ],
    (sha256) => callerAt(callers, sha256, NOON_MS),
  );
  expect(credentials(managed)?.tenants).toEqual(new Set(["acme"]));
  expect(credentials("configured-credential")?.tenants).toEqual(new Set(["globex"]));
  expect(credentials(likeManaged)?.tenants).toBe(null);
  for (const unknown of [newServiceSecret(ID), managed.slice(0, -1), `${managed}x`, "slk_", digestOfSecret(managed)]) {
    expect(credentials(unknown)).toBe(null);
  }
  callers.clear();
  expect(credentials(managed)).toBe(null);
});
