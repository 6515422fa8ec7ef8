// Refresh tokens: 256 opaque bits, of which only the digest is stored. Pure but for the first of a session, which is random.
//
// Each further one is derived from the one before under the session's own key. So who repeats a refresh because its answer
// was lost can be given the same answer, without the token being stored anywhere; and neither the database without the
// token nor the token without the database gives the next one.
import { createHash, createHmac, randomBytes } from "node:crypto";

export type RefreshToken = string & { readonly brand: "RefreshToken" };

const BYTES = 32;
const FORM = /^[A-Za-z0-9_-]{43}$/;

export function firstRefreshToken(): RefreshToken {
  return randomBytes(BYTES).toString("base64url") as RefreshToken;
}

export function newRotationKey(): Buffer {
  return randomBytes(BYTES);
}

export function nextRefreshToken(token: RefreshToken, rotationKey: Buffer): RefreshToken {
  return createHmac("sha256", rotationKey).update(token).digest("base64url") as RefreshToken;
}

export function digestOf(token: RefreshToken): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Null for what can be none of ours. */
export function parseRefreshToken(text: string): RefreshToken | null {
  return FORM.test(text) ? (text as RefreshToken) : null;
}
