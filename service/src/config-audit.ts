// How the audit trail is vouched for: the key that signs checkpoints, and where they are kept beside the log.
import { createPrivateKey } from "node:crypto";
import type { Profile } from "./config.ts";
import type { ConfigReader } from "./config-reader.ts";
import type { Secret } from "./platform/secret.ts";

export type AuditConfig = Readonly<{
  /** An Ed25519 private key in PEM; null = the installation makes its own, in its data folder. */
  signingKey: Secret | null;
  /** Null = checkpoints go to the log alone. */
  checkpointFolder: string | null;
}>;

export function readAudit(reader: ConfigReader, profile: Profile): AuditConfig {
  const variable = "SLUICE_AUDIT_SIGNING_KEY";
  const signingKey = reader.secret(variable);
  const fix = "set one made by `openssl genpkey -algorithm ed25519`, best by its _FILE";
  if (signingKey !== null && !isEd25519(signingKey.reveal())) {
    reader.fault(variable, "is not an Ed25519 private key in PEM", fix);
  } else if (signingKey === null && profile === "prod" && !reader.isFaulty(`${variable}_FILE`)) {
    reader.fault(variable, "is missing; a key that an instance makes for itself is lost with its disk", fix);
  }
  return { signingKey, checkpointFolder: reader.text("SLUICE_AUDIT_CHECKPOINT_DIR") };
}

function isEd25519(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === "ed25519";
  } catch {
    return false;
  }
}
