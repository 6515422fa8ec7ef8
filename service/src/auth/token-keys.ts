// The keys that sign access tokens: Ed25519. The first signs, every one verifies. So a key is replaced without refusing
// anyone, also while instances are restarted one by one: add the new one behind, then put it in front, then, once the last
// token of the old one has expired, take that away.
// A key's id is its thumbprint (RFC 7638): it names the key and nothing else, so nobody can choose one.
// Not here: where keys come from (configuration, token-keys.pg.ts).
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject } from "node:crypto";

export type TokenKey = Readonly<{ kid: string; privateKey: KeyObject; publicKey: KeyObject }>;

export type TokenKeys = Readonly<{ signing: TokenKey; byId: ReadonlyMap<string, TokenKey> }>;

/** Throws where there is none, or one is not the PEM text of an Ed25519 private key. */
export function readTokenKeys(pems: readonly string[]): TokenKeys {
  const keys = pems.map(readTokenKey);
  const [signing] = keys;
  if (signing === undefined) throw new Error("There is no key to sign access tokens with.");
  return { signing, byId: new Map(keys.map((key) => [key.kid, key])) };
}

/** Throws what may be shown: never a part of the key. */
export function readTokenKey(pem: string): TokenKey {
  const privateKey = privateKeyOf(pem);
  if (privateKey?.asymmetricKeyType !== "ed25519") {
    throw new Error("A key for access tokens must be an unencrypted Ed25519 private key in PEM.");
  }
  const publicKey = createPublicKey(privateKey);
  const { crv, kty, x } = publicKey.export({ format: "jwk" });
  return { kid: hash("sha256", JSON.stringify({ crv, kty, x }), "base64url"), privateKey, publicKey };
}

export function newTokenKeyPem(): string {
  return generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}

function privateKeyOf(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}
