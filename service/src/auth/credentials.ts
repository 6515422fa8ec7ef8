// The credentials by which services prove themselves: which are active, and which tenants each may ask for.
// Promise: the time of a comparison tells nothing about a credential; only digests are kept.
// Not here: where they come from (config.ts) or how a request carries them (callers.http.ts).
import { hash, timingSafeEqual } from "node:crypto";

/** Who asks. `tenants` null = may ask for every tenant. */
export type Caller = Readonly<{ tenants: ReadonlySet<string> | null }>;

export type Credential = Readonly<{ secret: string; tenants: readonly string[] | null }>;

/** Returns the caller a presented credential belongs to, or null. */
export type Credentials = (presented: string) => Caller | null;

export function createCredentials(active: readonly Credential[]): Credentials {
  const known = active.map(({ secret, tenants }) => ({
    digest: Buffer.from(digestOf(secret), "latin1"),
    caller: { tenants: tenants === null ? null : new Set(tenants) },
  }));
  const presentedDigest = Buffer.alloc(DIGEST_LENGTH);
  return (presented) => {
    presentedDigest.write(digestOf(presented), "latin1");
    let caller: Caller | null = null;
    // All are compared, so that neither place nor number shows in the time.
    for (const credential of known) {
      if (timingSafeEqual(presentedDigest, credential.digest)) caller = credential.caller;
    }
    return caller;
  };
}

const DIGEST_LENGTH = 64;

/** Hexadecimal: four times as fast as asking for a buffer. */
function digestOf(secret: string): string {
  return hash("sha256", secret, "hex");
}
