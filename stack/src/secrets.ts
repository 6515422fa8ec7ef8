// What the instances of one stack must hold alike, made anew for each stack: keys, credentials and the first administrator.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { STACK_ID_SECRET } from "../../service/test/stack.ts";

export type StackSecrets = Readonly<{
  /** What callers of checks send as X-Service-Auth, and scrapers as a bearer token. */
  serviceCredential: string;
  scrapeCredential: string;
  admin: Readonly<{ loginId: string; password: string }>;
  /** The variables that hold them. */
  environment: Readonly<Record<string, string>>;
}>;

export function makeSecrets(): StackSecrets {
  const serviceCredential = randomHex();
  const scrapeCredential = randomHex();
  const admin = { loginId: "admin", password: randomBytes(15).toString("base64url") };
  return {
    serviceCredential,
    scrapeCredential,
    admin,
    environment: {
      SLUICE_ID_SECRET: STACK_ID_SECRET,
      SLUICE_SNAPSHOT_KEY: randomHex(),
      SLUICE_JWT_PRIVATE_KEYS: newPrivateKey(),
      SLUICE_AUDIT_SIGNING_KEY: newPrivateKey(),
      SLUICE_SERVICE_CREDENTIALS: serviceCredential,
      SLUICE_SCRAPE_CREDENTIAL: scrapeCredential,
      SLUICE_ADMIN_LOGIN: admin.loginId,
      SLUICE_ADMIN_PASSWORD: admin.password,
    },
  };
}

function randomHex(): string {
  return randomBytes(32).toString("hex");
}

function newPrivateKey(): string {
  return generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
