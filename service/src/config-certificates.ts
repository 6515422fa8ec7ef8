// Certificates and private keys as settings. What cannot be read, or does not fit together, is a fault of its variable: it
// would show as a store that never answers, or as a door that nobody gets through.
// Promise: no fault quotes a key. Not here: whether a certificate has ended (`sluice doctor`): a start must not hang on it.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { ConfigReader } from "./config-reader.ts";
import type { Secret } from "./platform/secret.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, each as its text. */
export function certificatesIn(pem: string): readonly string[] {
  return pem.match(BLOCK) ?? [];
}

/** PEM of one certificate or more; null when absent. Faulty ones are given all the same, so that other rules can look on. */
export function readCertificates(reader: ConfigReader, variable: string): string | null {
  const pem = reader.textOrFile(variable);
  if (pem !== null) readBlocks(reader, variable, pem);
  return pem;
}

export type KeyPair = Readonly<{ certificate: string | null; privateKey: Secret | null }>;

/** `<stem>_CERT` with its own certificate first, and `<stem>_KEY`. Whether one may be absent is another rule's. */
export function readKeyPair(reader: ConfigReader, stem: string): KeyPair {
  const [certificateVariable, keyVariable] = [`${stem}_CERT`, `${stem}_KEY`];
  const pem = reader.textOrFile(certificateVariable);
  const [certificate] = pem === null ? [] : readBlocks(reader, certificateVariable, pem);
  const secret = reader.secret(keyVariable);
  const key = secret === null ? null : readKey(reader, keyVariable, secret);
  if (certificate !== undefined && key !== null && !certificate.checkPrivateKey(key)) {
    const fix = "give the key that the certificate was made for; of several certificates its own comes first";
    reader.fault(keyVariable, `does not belong to the certificate of ${certificateVariable}`, fix);
  }
  return { certificate: pem, privateKey: secret };
}

function readBlocks(reader: ConfigReader, variable: string, pem: string): X509Certificate[] {
  const fix = `give text that begins with -----BEGIN CERTIFICATE-----, or its file in ${variable}_FILE`;
  const blocks = certificatesIn(pem);
  try {
    if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block));
    reader.fault(variable, "holds no certificate in PEM", fix);
  } catch {
    reader.fault(variable, "holds a certificate that cannot be read", fix);
  }
  return [];
}

function readKey(reader: ConfigReader, variable: string, secret: Secret): KeyObject | null {
  try {
    return createPrivateKey(secret.reveal());
  } catch {
    const fix = `give text that begins with -----BEGIN PRIVATE KEY-----, or its file in ${variable}_FILE`;
    reader.fault(variable, "holds no private key in PEM that can be read without a passphrase", fix);
    return null;
  }
}
