// What `sluice audit verify` compares the audit trail with: the checkpoints kept outside the database, and the keys that
// signed them. Keys are those of the file given, else the configured one, else the one that this installation made.
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import type { OutsideEvidence } from "@sluice/service/audit/audit-verify.pg.ts";
import { keyIdOf } from "@sluice/service/audit/checkpoint.ts";
import { readCheckpoints } from "@sluice/service/audit/checkpoints.file.ts";
import { openSigningKey, readSigningKey } from "@sluice/service/audit/signing-key.file.ts";
import { type AuditConfig, readAudit } from "@sluice/service/config-audit.ts";
import { ConfigReader } from "@sluice/service/config-reader.ts";
import { CommandFailure, EXIT } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

const PEM_BLOCK = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g;

export async function readEvidence(
  terminal: Terminal,
  given: Terminal["environment"],
  publicKeyFile: string | null,
): Promise<OutsideEvidence> {
  const { audit, dataDir } = readSettings(terminal, given);
  const list = publicKeyFile === null ? await readOwnKey(audit, dataDir) : readPublicKeys(publicKeyFile);
  const keys = list.length === 0 ? null : new Map(list.map((key) => [keyIdOf(key), key]));
  if (audit.checkpointFolder === null) return { checkpoints: null, keys };
  if (keys === null) {
    throw new CommandFailure(
      EXIT.usage,
      "Who signed the checkpoints? Give --public-key: without it they prove nothing.",
    );
  }
  const { checkpoints, unreadableLines } = await readCheckpoints(audit.checkpointFolder).catch((fault: unknown) => {
    throw new CommandFailure(EXIT.notFound, `The checkpoints cannot be read: ${messageOf(fault)}`);
  });
  if (unreadableLines > 0) terminal.say(`${unreadableLines} lines in ${audit.checkpointFolder} hold no checkpoint.`);
  return { checkpoints, keys };
}

type Settings = Readonly<{ audit: AuditConfig; dataDir: string }>;

function readSettings(terminal: Terminal, given: Terminal["environment"]): Settings {
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const reader = new ConfigReader({ ...terminal.environment, ...present }, (path) => readFileSync(path, "utf8"));
  const settings = { audit: readAudit(reader, "dev"), dataDir: reader.text("SLUICE_DATA_DIR") ?? ".sluice" };
  const [fault] = reader.faults;
  if (fault === undefined) return settings;
  throw new CommandFailure(EXIT.usage, `${fault.variable} ${fault.problem}: ${fault.fix}.`);
}

async function readOwnKey({ signingKey }: AuditConfig, dataDir: string): Promise<KeyObject[]> {
  const own = signingKey === null ? await readSigningKey(dataDir) : await openSigningKey(signingKey.reveal(), dataDir);
  return own === null ? [] : [createPublicKey(own)];
}

function readPublicKeys(path: string): KeyObject[] {
  try {
    const keys = [...readFileSync(path, "utf8").matchAll(PEM_BLOCK)].map(([pem]) => createPublicKey(pem));
    if (keys.length > 0 && keys.every(({ asymmetricKeyType }) => asymmetricKeyType === "ed25519")) return keys;
  } catch (fault) {
    throw new CommandFailure(EXIT.usage, `The public key cannot be read: ${messageOf(fault)}`);
  }
  throw new CommandFailure(
    EXIT.usage,
    `${path} holds no Ed25519 public key: \`openssl pkey -in KEY -pubout\` gives one.`,
  );
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}
