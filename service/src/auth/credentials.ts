// The credentials by which services prove themselves: which are active, and which tenants each may ask for.
//
// Promise: the time of an answer tells nothing about a credential. What is compared are digests, in one look-up: half the
// time of comparing byte by byte in constant time, and the same for one credential as for a hundred. A credential of the
// configuration may be a word that somebody chose, so its digest is salted with random bytes of this process (the "double
// HMAC" technique): nobody outside can choose or predict one, so how far two of them agree says nothing. The secret of a
// managed one is 256 random bits: its plain digest, known in part or in whole, leads nobody back to it.
// Only digests are kept.
// Not here: where credentials come from (config.ts, service-credential.ts) or how a request carries them (callers.http.ts).
import { hash, randomBytes } from "node:crypto";
import { digestOfSecret, looksManaged } from "./service-credential-secret.ts";

/** Who asks. `tenants` null = may ask for every tenant. */
export type Caller = Readonly<{ tenants: ReadonlySet<string> | null }>;

export type Credential = Readonly<{ secret: string; tenants: readonly string[] | null }>;

/** Returns the caller a presented credential belongs to, or null. */
export type Credentials = (presented: string) => Caller | null;

/** The caller whose managed secret has this SHA-256 (hexadecimal) now, or null. */
export type ManagedCredentials = (sha256: string) => Caller | null;

const SALT_BYTES = 32;

export function createCredentials(
  configured: readonly Credential[],
  managed: ManagedCredentials = () => null,
): Credentials {
  const salt = randomBytes(SALT_BYTES).toString("hex");
  const callers = new Map<string, Caller>();
  for (const { secret, tenants } of configured) {
    callers.set(hash("sha256", salt + secret), { tenants: tenants === null ? null : new Set(tenants) });
  }
  const known = (presented: string) => callers.get(hash("sha256", salt + presented)) ?? null;
  return (presented) => {
    // The configuration may hold a credential of the managed form.
    if (looksManaged(presented)) return managed(digestOfSecret(presented)) ?? known(presented);
    return known(presented);
  };
}
