// The corpus of RFC 8725 against the verifier: everything that looks like one of our tokens and is none.
import { createHmac, type KeyObject, randomUUID, sign } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, exportJWK } from "jose";
import { expect, test } from "vitest";
import { createAccessTokens } from "./access-token.ts";
import { newTokenKeyPem, readTokenKey, readTokenKeys } from "./token-keys.ts";

const NOON_MS = Date.UTC(2026, 10, 22, 12);
const SECOND_MS = 1_000;
const LIFE_MS = 900 * SECOND_MS;
const SUBJECT = { userId: randomUUID(), sessionId: randomUUID() };
const PEM = newTokenKeyPem();
const KEY = readTokenKey(PEM);
const STRANGER = readTokenKey(newTokenKeyPem());
const tokens = tokensOf([PEM]);

function tokensOf(pems: readonly string[], names = { issuer: "sluice", audience: "sluice-admin" }) {
  const keys = readTokenKeys(pems);
  return createAccessTokens({ keys: async () => keys, ...names });
}

const issuedAt = NOON_MS / SECOND_MS;
const HEADER = { alg: "Ed25519", typ: "at+jwt", kid: KEY.kid };
const CLAIMS = {
  ...{ sid: SUBJECT.sessionId, iss: "sluice", aud: "sluice-admin", sub: SUBJECT.userId, jti: randomUUID() },
  ...{ iat: issuedAt, exp: issuedAt + 900 },
};

function encoded(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
}

/** Signed as ours are, whatever the two parts say. */
function forged(header: unknown, claims: unknown, key: KeyObject = KEY.privateKey): string {
  const input = `${encoded(header)}.${encoded(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString("base64url")}`;
}

function withHmac(header: unknown, secret: string | Buffer): string {
  const input = `${encoded(header)}.${encoded(CLAIMS)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

test("a token says its key, its type, its user and its session, lives a quarter of an hour, and says nothing of roles", async () => {
  const { accessToken, expiresAtMs } = await tokens.issue(SUBJECT, NOON_MS + 700);
  expect(decodeProtectedHeader(accessToken)).toEqual(HEADER);
  const { jti, ...claims } = decodeJwt(accessToken);
  const { jti: _, ...expected } = CLAIMS;
  expect(claims).toEqual(expected);
  expect(jti).toMatch(/^[0-9a-f-]{36}$/);
  expect(expiresAtMs).toBe(NOON_MS + LIFE_MS);
  expect(await tokens.verify(accessToken, NOON_MS)).toEqual(SUBJECT);
});

test("the forger of this corpus can make a good token, so what is refused below is refused for its fault", async () => {
  expect(await tokens.verify(forged(HEADER, CLAIMS), NOON_MS)).toEqual(SUBJECT);
});

const publicPem = KEY.publicKey.export({ format: "pem", type: "spki" }).toString();
const publicBytes = KEY.publicKey.export({ format: "der", type: "spki" });
const strangerJwk = await exportJWK(STRANGER.publicKey);
const good = forged(HEADER, CLAIMS);
const [goodHeader = "", goodClaims = "", goodSignature = ""] = good.split(".");
const text = JSON.stringify(CLAIMS);
const without = (claim: keyof typeof CLAIMS) =>
  Object.fromEntries(Object.entries(CLAIMS).filter(([name]) => name !== claim));

const CORPUS: Readonly<Record<string, string>> = {
  "alg none without a signature": `${encoded({ ...HEADER, alg: "none" })}.${goodClaims}.`,
  "alg None with a signature": forged({ ...HEADER, alg: "None" }, CLAIMS),
  "HS256 signed with the public key in PEM": withHmac({ ...HEADER, alg: "HS256" }, publicPem),
  "HS256 signed with the public key in DER": withHmac({ ...HEADER, alg: "HS256" }, publicBytes),
  "HS256 signed with the key id": withHmac({ ...HEADER, alg: "HS256" }, KEY.kid),
  "EdDSA, another name of the algorithm": forged({ ...HEADER, alg: "EdDSA" }, CLAIMS),
  RS256: forged({ ...HEADER, alg: "RS256" }, CLAIMS),
  "no alg": forged({ typ: "at+jwt", kid: KEY.kid }, CLAIMS),
  "kid that walks to a file": forged({ ...HEADER, kid: "../../../../dev/null" }, CLAIMS),
  "kid with SQL": forged({ ...HEADER, kid: `x' union select '${publicPem}' --` }, CLAIMS),
  "kid that names a property of every object": forged({ ...HEADER, kid: "__proto__" }, CLAIMS),
  "kid that is no text": forged({ ...HEADER, kid: [KEY.kid] }, CLAIMS),
  "kid of another key": forged({ ...HEADER, kid: STRANGER.kid }, CLAIMS, STRANGER.privateKey),
  "no kid": forged({ alg: "Ed25519", typ: "at+jwt" }, CLAIMS),
  "signed by another key under our key id": forged(HEADER, CLAIMS, STRANGER.privateKey),
  "jwk with the signer's own key": forged({ ...HEADER, jwk: strangerJwk }, CLAIMS, STRANGER.privateKey),
  "jwk beside our own good signature": forged({ ...HEADER, jwk: strangerJwk }, CLAIMS),
  jku: forged({ ...HEADER, jku: "https://attacker.test/keys" }, CLAIMS),
  x5u: forged({ ...HEADER, x5u: "https://attacker.test/certificate" }, CLAIMS),
  x5c: forged({ ...HEADER, x5c: ["MIIB"] }, CLAIMS),
  "crit that is unknown": forged({ ...HEADER, crit: ["exp"] }, CLAIMS),
  "crit b64": forged({ ...HEADER, crit: ["b64"], b64: true }, CLAIMS),
  "empty signature": `${goodHeader}.${goodClaims}.`,
  "truncated signature": good.slice(0, -1),
  "signature with padding": `${good}==`,
  "signature with spare bits set": `${good.slice(0, -1)}${goodSignature.endsWith("A") ? "B" : "x"}`,
  "signature of all zeroes": `${goodHeader}.${goodClaims}.${Buffer.alloc(64).toString("base64url")}`,
  "truncated claims": `${goodHeader}.${goodClaims.slice(0, -8)}.${goodSignature}`,
  "no signature part": `${goodHeader}.${goodClaims}`,
  "five parts": `${good}.a.b`,
  nothing: "",
  "three dots": "...",
  "white space around it": ` ${good} `,
  "duplicate sub, the second another's": forged(HEADER, text.replace("}", `,"sub":"${randomUUID()}"}`)),
  "duplicate exp, the first long past": forged(HEADER, text.replace("{", '{"exp":1,')),
  "duplicate alg in the header": forged(JSON.stringify(HEADER).replace("{", '{"alg":"none",'), CLAIMS),
  "duplicate claim under an escape": forged(HEADER, text.replace("{", '{"\\u0073ub":"a",')),
  "claims with white space": forged(HEADER, ` ${text}`),
  "claims that are no record": forged(HEADER, '"sluice"'),
  "claims that are null": forged(HEADER, "null"),
  "claims that are no JSON": forged(HEADER, "{"),
  "wrong issuer": forged(HEADER, { ...CLAIMS, iss: "another" }),
  "no issuer": forged(HEADER, without("iss")),
  "wrong audience": forged(HEADER, { ...CLAIMS, aud: "sluice" }),
  "no audience": forged(HEADER, without("aud")),
  "wrong type": forged({ ...HEADER, typ: "JWT" }, CLAIMS),
  "no type": forged({ alg: "Ed25519", kid: KEY.kid }, CLAIMS),
  "no expiry": forged(HEADER, without("exp")),
  "expiry that is text": forged(HEADER, { ...CLAIMS, exp: String(CLAIMS.exp) }),
  "no instant of issue": forged(HEADER, without("iat")),
  "no session": forged(HEADER, without("sid")),
  "no user": forged(HEADER, without("sub")),
  "no id": forged(HEADER, without("jti")),
  "a user that is no uuid": forged(HEADER, { ...CLAIMS, sub: "' or true --" }),
  "a session that is no uuid": forged(HEADER, { ...CLAIMS, sid: { ne: null } }),
  "not valid yet": forged(HEADER, { ...CLAIMS, nbf: issuedAt + 31 }),
  "a life longer than ours": forged(HEADER, { ...CLAIMS, iat: issuedAt - 931, exp: issuedAt + 86_400 }),
  oversized: forged(HEADER, { ...CLAIMS, note: "x".repeat(2_000) }),
};

test.for(Object.entries(CORPUS))("%s: refused", async ([, token]) => {
  expect(await tokens.verify(token, NOON_MS)).toBe(null);
});

test("a token from another issuer or for another audience is refused, though the key is ours", async () => {
  for (const names of [
    { issuer: "stage", audience: "sluice-admin" },
    { issuer: "sluice", audience: "sluice-checks" },
  ]) {
    const { accessToken } = await tokensOf([PEM], names).issue(SUBJECT, NOON_MS);
    expect(await tokens.verify(accessToken, NOON_MS)).toBe(null);
  }
});

test("clocks may differ by half a minute, and by no second more", async () => {
  const { accessToken } = await tokens.issue(SUBJECT, NOON_MS);
  const at = (offsetMs: number) => tokens.verify(accessToken, NOON_MS + offsetMs);
  expect(await at(LIFE_MS + 29 * SECOND_MS)).toEqual(SUBJECT);
  expect(await at(LIFE_MS + 30 * SECOND_MS)).toBe(null);
  expect(await at(-30 * SECOND_MS)).toEqual(SUBJECT);
  expect(await at(-31 * SECOND_MS)).toBe(null);
});

test("while a key is replaced, tokens of both are good on every instance; one taken away takes its tokens along", async () => {
  const newer = newTokenKeyPem();
  const [before, addedBehind, inFront, after] = [[PEM], [PEM, newer], [newer, PEM], [newer]].map((pems) =>
    tokensOf(pems),
  );
  const old = await addedBehind?.issue(SUBJECT, NOON_MS);
  const fresh = await inFront?.issue(SUBJECT, NOON_MS);
  expect(decodeProtectedHeader(fresh?.accessToken ?? "").kid).toBe(readTokenKey(newer).kid);
  const verdicts = (verifier: typeof before) =>
    Promise.all([old, fresh].map((token) => verifier?.verify(token?.accessToken ?? "", NOON_MS)));
  expect(await verdicts(before)).toEqual([SUBJECT, null]);
  expect(await verdicts(addedBehind)).toEqual([SUBJECT, SUBJECT]);
  expect(await verdicts(inFront)).toEqual([SUBJECT, SUBJECT]);
  expect(await verdicts(after)).toEqual([null, SUBJECT]);
});
