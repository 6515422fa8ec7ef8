// The credentials by which services prove themselves: which are active, and which tenants each may ask for.
//
// Promise: the time of an answer tells nothing about a credential. What is compared are digests salted with random bytes
// of this process (the "double HMAC" technique): nobody outside can choose or predict one, so how far two of them agree
// says nothing. That makes it a look-up: half the time of comparing byte by byte in constant time, and the same for one
// credential as for a hundred. Only digests are kept.
// Not here: where credentials come from (config.ts) or how a request carries them (callers.http.ts).
import { hash, randomBytes } from "node:crypto";

/** Who asks. `tenants` null = may ask for every tenant. */
export type Caller = Readonly<{ tenants: ReadonlySet<string> | null }>;

export type Credential = Readonly<{ secret: string; tenants: readonly string[] | null }>;

/** Returns the caller a presented credential belongs to, or null. */
export type Credentials = (presented: string) => Caller | null;

const SALT_BYTES = 32;

export function createCredentials(active: readonly Credential[]): Credentials {
  const salt = randomBytes(SALT_BYTES).toString("hex");
  const callers = new Map<string, Caller>();
  for (const { secret, tenants } of active) {
    callers.set(hash("sha256", salt + secret), { tenants: tenants === null ? null : new Set(tenants) });
  }
  return (presented) => callers.get(hash("sha256", salt + presented)) ?? null;
}
