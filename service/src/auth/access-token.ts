// Access tokens: JWTs (RFC 9068) that name a user and a session for a quarter of an hour, and say nothing else.
//
// Promise (RFC 8725): one algorithm; the key is found by its id among ours, and nothing a token brings along is ever used
// as a key or an address; a token is taken only in the one form in which it is issued. So the header holds exactly alg, typ
// and kid, and every part must read as it would be written again: no claim twice, no other spelling of the same bytes.
// Not here: whether the session still lives, and what its user may do, which PostgreSQL says (authenticate.pg.ts).
import { randomUUID } from "node:crypto";
import { errors, jwtVerify, SignJWT } from "jose";
import type { TokenKeys } from "./token-keys.ts";

export type TokenSubject = Readonly<{ userId: string; sessionId: string }>;

export type AccessToken = Readonly<{ accessToken: string; expiresAtMs: number }>;

export type AccessTokens = Readonly<{
  /**
   * Has the keys read. To be awaited before a transaction in which a token is issued: reading them takes a connection of
   * its own, and a transaction that waits for another connection may wait for itself.
   */
  ready: () => Promise<void>;
  issue: (subject: TokenSubject, nowMs: number) => Promise<AccessToken>;
  /** Null for everything that is not a token of ours in its time. */
  verify: (token: string, nowMs: number) => Promise<TokenSubject | null>;
}>;

export type AccessTokenOptions = Readonly<{
  keys: () => Promise<TokenKeys>;
  issuer: string;
  audience: string;
}>;

const ALGORITHM = "Ed25519";
const TYPE = "at+jwt";
const LIFE_S = 15 * 60;
/** How far the clocks of two instances may differ. */
const LEEWAY_S = 30;
/** Ours have some 450 characters. */
const MOST_CHARACTERS = 2_048;
const CLAIMS = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"];
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function createAccessTokens({ keys, issuer, audience }: AccessTokenOptions): AccessTokens {
  const issue = async ({ userId, sessionId }: TokenSubject, nowMs: number) => {
    const { kid, privateKey } = (await keys()).signing;
    const issuedAt = Math.floor(nowMs / 1_000);
    const accessToken = await new SignJWT({ sid: sessionId })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(userId)
      .setJti(randomUUID())
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + LIFE_S)
      .sign(privateKey);
    return { accessToken, expiresAtMs: (issuedAt + LIFE_S) * 1_000 };
  };

  const verify = async (token: string, nowMs: number) => {
    const kid = keyIdOf(token);
    const key = kid === null ? undefined : (await keys()).byId.get(kid)?.publicKey;
    if (key === undefined) return null;
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        typ: TYPE,
        issuer,
        audience,
        requiredClaims: CLAIMS,
        // Refuses what was issued in the future, or for longer than we ever do.
        maxTokenAge: LIFE_S,
        clockTolerance: LEEWAY_S,
        currentDate: new Date(nowMs),
      });
      return subjectOf(payload);
    } catch (fault) {
      if (fault instanceof errors.JOSEError) return null;
      throw fault;
    }
  };

  const ready = async () => {
    await keys();
  };
  return { ready, issue, verify };
}

/** The key id of a token that has the form of ours; null for any other. */
function keyIdOf(token: string): string | null {
  if (token.length > MOST_CHARACTERS) return null;
  const parts = token.split(".").map(bytesOf);
  const [header, claims, signature] = parts;
  if (parts.length !== 3 || !header || !claims || !signature || recordOf(claims) === null) return null;
  const { kid, ...rest } = recordOf(header) ?? {};
  return Object.keys(rest).toSorted().join() === "alg,typ" && typeof kid === "string" ? kid : null;
}

/** Null for any other spelling of the same bytes. */
function bytesOf(part: string): Buffer | null {
  const bytes = Buffer.from(part, "base64url");
  return bytes.toString("base64url") === part ? bytes : null;
}

/** What is written as we would write it; null for all else: of a claim that stands there twice only one would return. */
function recordOf(bytes: Buffer): Record<string, unknown> | null {
  try {
    const text = bytes.toString("utf8");
    const value: unknown = JSON.parse(text);
    const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
    return isRecord && JSON.stringify(value) === text ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Both become parameters of type uuid, which would be a fault of ours if they were none. */
function subjectOf({ sub, sid }: Record<string, unknown>): TokenSubject | null {
  if (typeof sub !== "string" || typeof sid !== "string" || !UUID.test(sub) || !UUID.test(sid)) return null;
  return { userId: sub, sessionId: sid };
}
