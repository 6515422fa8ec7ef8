import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { appendFile, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { auditKeys, auditPublicKeys } from "../../test/audit.ts";
import { type ChainHead, checkSignature, keyIdOf, parseCheckpointLine, signCheckpoint } from "./checkpoint.ts";
import { weighCheckpoints } from "./checkpoint-evidence.ts";
import { appendToFolder, readCheckpoints } from "./checkpoints.file.ts";
import { openSigningKey, readSigningKey } from "./signing-key.file.ts";

const HEAD: ChainHead = { chain: "0b8a3c1e", seq: 7, hash: "ab".repeat(32), systemId: "1", timeline: 1 };
const LAST_OF_NOVEMBER_MS = Date.UTC(2026, 10, 30, 23, 59);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-checkpoints-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("a signature holds for exactly what was signed, in whatever order its members come back", () => {
  const signed = sign();
  const reversed = Object.fromEntries(Object.entries(signed).reverse()) as typeof signed;
  expect(checkSignature(reversed, auditPublicKeys)).toBe("valid");
  for (const [member, value] of Object.entries(signed)) {
    if (member === "keyId") continue;
    const other = typeof value === "number" ? value + 1 : `${value.slice(0, -2)}zz`;
    expect(checkSignature({ ...signed, [member]: other }, auditPublicKeys), member).toBe("forged");
  }
  expect(checkSignature({ ...signed, more: 1 } as typeof signed, auditPublicKeys)).toBe("forged");
  expect(checkSignature({ ...signed, keyId: "0".repeat(16) }, auditPublicKeys)).toBe("unknown key");
});

test("both halves of a key have one id", () => {
  expect(keyIdOf(auditKeys.privateKey)).toBe(keyIdOf(auditKeys.publicKey));
  expect(keyIdOf(auditKeys.privateKey)).toMatch(/^[0-9a-f]{16}$/);
});

test("only what is outside and signed proves, and promotions between checkpoints are told", () => {
  const checkpoints = [sign(), sign({ timeline: 2 })];
  const outside = weighCheckpoints(checkpoints, { chain: HEAD.chain, keys: auditPublicKeys, place: "outside" });
  expect(outside.evidence.map(({ proves }) => proves)).toEqual([true, true]);
  expect(outside.notes).toEqual([expect.stringContaining("system 1, timeline 1; 1, timeline 2")]);
  const unchecked = weighCheckpoints(checkpoints, { chain: HEAD.chain, keys: null, place: "outside" });
  const inside = weighCheckpoints(checkpoints, { chain: HEAD.chain, keys: auditPublicKeys, place: "inside" });
  for (const { evidence } of [unchecked, inside]) expect(evidence.map(({ proves }) => proves)).toEqual([false, false]);
});

test("a line of a file or of a log carries a checkpoint, or none", () => {
  const signed = sign();
  expect(parseCheckpointLine(JSON.stringify(signed))).toEqual(signed);
  expect(parseCheckpointLine(JSON.stringify({ level: "info", msg: "audit checkpoint", checkpoint: signed }))).toEqual(
    signed,
  );
  for (const line of ["", "{", "null", "5", "{}", '{"checkpoint":null}', JSON.stringify({ ...signed, seq: "7" })]) {
    expect(parseCheckpointLine(line)).toBe(null);
  }
});

test("a folder keeps a file a month, for its owner only, and gives all of them back in order", async () => {
  const target = join(folder, "made", "when", "missing");
  const signed = [0, 1, 2].map((minute) =>
    signCheckpoint(HEAD, LAST_OF_NOVEMBER_MS + minute * 60_000, auditKeys.privateKey),
  );
  for (const each of signed) await appendToFolder(target, each);
  expect(await readdir(target)).toEqual(["checkpoints-2026-11.ndjson", "checkpoints-2026-12.ndjson"]);
  expect((await stat(join(target, "checkpoints-2026-12.ndjson"))).mode & 0o077).toBe(0);
  expect(await readCheckpoints(target)).toEqual({ checkpoints: signed, unreadableLines: 0 });
  const november = await readCheckpoints(join(target, "checkpoints-2026-11.ndjson"));
  expect(november.checkpoints).toEqual(signed.slice(0, 1));
});

test("a line cut short by a crash spoils itself only", async () => {
  await appendToFolder(folder, sign());
  await appendFile(join(folder, "checkpoints-2026-11.ndjson"), '{"type":"slui');
  await appendToFolder(folder, sign());
  expect(await readCheckpoints(folder)).toEqual({ checkpoints: [sign(), sign()], unreadableLines: 1 });
});

test("checkpoints that are not there are an error, never an empty list", async () => {
  await expect(readCheckpoints(join(folder, "absent"))).rejects.toThrow("ENOENT");
});

test("an installation makes itself one key, however many processes start at once, and keeps it", async () => {
  expect(await readSigningKey(folder)).toBe(null);
  const keys = await Promise.all(Array.from({ length: 5 }, () => openSigningKey(null, join(folder, "data"))));
  expect(new Set(keys.map(keyIdOf)).size).toBe(1);
  expect(keyIdOf(await openSigningKey(null, join(folder, "data")))).toBe(keyIdOf(keys[0]!));
  expect(await readdir(join(folder, "data"))).toEqual(["audit-signing-key.pem"]);
  expect((await stat(join(folder, "data", "audit-signing-key.pem"))).mode & 0o077).toBe(0);
});

test("the configured key is used, and nothing is written", async () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await writeFile(join(folder, "audit-signing-key.pem"), "not looked at");
  expect(keyIdOf(await openSigningKey(pem, folder))).toBe(keyIdOf(createPublicKey(privateKey)));
});

function sign(given: Partial<ChainHead> = {}) {
  return signCheckpoint({ ...HEAD, ...given }, LAST_OF_NOVEMBER_MS, auditKeys.privateKey);
}
