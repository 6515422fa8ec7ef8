// The key that signs checkpoints: the configured one, or one that this installation makes for itself and keeps in its
// data folder. Never in the database: who can rewrite rows must not be able to sign them.
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const KEY_FILE = "audit-signing-key.pem";

/** `configured` is an Ed25519 private key in PEM; null = the data folder's, made if there is none. */
export async function openSigningKey(configured: string | null, dataFolder: string): Promise<KeyObject> {
  if (configured !== null) return createPrivateKey(configured);
  return (await readSigningKey(dataFolder)) ?? (await makeSigningKey(dataFolder));
}

/** The data folder's own; null when none was made yet. */
export async function readSigningKey(dataFolder: string): Promise<KeyObject | null> {
  const pem = await readFile(join(dataFolder, KEY_FILE), "utf8").catch((fault: NodeJS.ErrnoException) => {
    if (fault.code === "ENOENT") return null;
    throw fault;
  });
  return pem === null ? null : createPrivateKey(pem);
}

/** Of several processes that start at once the first one's key is everybody's: a link is made once, and whole. */
async function makeSigningKey(dataFolder: string): Promise<KeyObject> {
  const path = join(dataFolder, KEY_FILE);
  const draft = `${path}.${randomUUID()}.draft`;
  const { privateKey } = generateKeyPairSync("ed25519");
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await writeFile(draft, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  try {
    await link(draft, path);
    return privateKey;
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== "EEXIST") throw fault;
    return createPrivateKey(await readFile(path, "utf8"));
  } finally {
    await rm(draft, { force: true });
  }
}
