// A checkpoint: our signature under "at this time the chain ended at this position with this hash". Kept outside the
// database, it is what no owner of the database can take back.
//
// Ed25519 over the canonical JSON of everything but the signature. The gapless position is also the number of rows.
// `at` is the signing process's clock, not the database's; system and timeline tell a restore or a promotion.
import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";

const CHECKPOINT_TYPE = "sluice-audit-checkpoint";
const CHECKPOINT_FORMAT = 1;
const KEY_ID_CHARACTERS = 16;

export type ChainHead = Readonly<{
  chain: string;
  seq: number;
  hash: string;
  systemId: string;
  timeline: number;
}>;

export type Checkpoint = ChainHead &
  Readonly<{ type: typeof CHECKPOINT_TYPE; format: number /** RFC 3339, UTC. */; at: string; keyId: string }>;

/** `signature` is base64url. */
export type SignedCheckpoint = Checkpoint & Readonly<{ signature: string }>;

export function signCheckpoint(head: ChainHead, atMs: number, privateKey: KeyObject): SignedCheckpoint {
  const checkpoint: Checkpoint = {
    type: CHECKPOINT_TYPE,
    format: CHECKPOINT_FORMAT,
    ...head,
    at: new Date(atMs).toISOString(),
    keyId: keyIdOf(privateKey),
  };
  return { ...checkpoint, signature: sign(null, bytesOf(checkpoint), privateKey).toString("base64url") };
}

export type SignatureCheck = "valid" | "forged" | "unknown key";

/** `keys` by their id (keyIdOf). */
export function checkSignature(signed: SignedCheckpoint, keys: ReadonlyMap<string, KeyObject>): SignatureCheck {
  const { signature, ...checkpoint } = signed;
  const key = keys.get(checkpoint.keyId);
  if (key === undefined) return "unknown key";
  try {
    return verify(null, bytesOf(checkpoint), key, Buffer.from(signature, "base64url")) ? "valid" : "forged";
  } catch {
    // It holds what we never wrote: a number beyond all doubles, for one.
    return "forged";
  }
}

/** The same for a private key and its public one: the first characters of SHA-256 of the latter. */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  const der = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("hex").slice(0, KEY_ID_CHARACTERS);
}

/** One line of a file: a checkpoint, or an entry of the service's log that carries one. Null when it is neither. */
export function parseCheckpointLine(line: string): SignedCheckpoint | null {
  try {
    const read: unknown = JSON.parse(line);
    if (isCheckpoint(read)) return read;
    const carried = typeof read === "object" && read !== null && "checkpoint" in read ? read.checkpoint : null;
    return isCheckpoint(carried) ? carried : null;
  } catch {
    return null;
  }
}

export function isCheckpoint(read: unknown): read is SignedCheckpoint {
  if (typeof read !== "object" || read === null) return false;
  const { type, chain, seq, hash, at, keyId, signature } = read as Record<string, unknown>;
  const texts = [chain, hash, at, keyId, signature];
  return type === CHECKPOINT_TYPE && Number.isSafeInteger(seq) && texts.every((text) => typeof text === "string");
}

function bytesOf(checkpoint: Checkpoint): Buffer {
  return Buffer.from(canonicalJson(checkpoint));
}
