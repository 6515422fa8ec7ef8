import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCertificates } from "../test/certificates.ts";
import { certificatesIn, readCertificates, readKeyPair } from "./config-certificates.ts";
import { ConfigReader, type Environment } from "./config-reader.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const pem = { ca: "", certificate: "", key: "" };
beforeAll(async () => {
  const files = await makeCertificates(folder);
  pem.ca = readFileSync(files.caFile, "utf8");
  pem.certificate = readFileSync(files.serverCertFile, "utf8");
  pem.key = readFileSync(files.serverKeyFile, "utf8");
});

/** What is told of a pair and an authority. */
function faultsOf(environment: Environment): string[] {
  const reader = new ConfigReader(environment, (path) => readFileSync(path, "utf8"));
  readKeyPair(reader, "SLUICE_TLS");
  readCertificates(reader, "SLUICE_CA");
  return reader.faults.map(({ variable, problem }) => `${variable} ${problem}`);
}

const encryptedKey = () =>
  generateKeyPairSync("ed25519").privateKey.export({
    ...{ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "hunter2" },
  } as const);

test("a pair that fits, a chain of certificates, files, and nothing at all are no faults", () => {
  const chain = `${pem.certificate}\n${pem.ca}`;
  expect(certificatesIn(chain)).toHaveLength(2);
  expect(faultsOf({})).toEqual([]);
  expect(faultsOf({ SLUICE_TLS_CERT: chain, SLUICE_TLS_KEY: pem.key, SLUICE_CA: chain })).toEqual([]);
  const files = { SLUICE_TLS_CERT_FILE: join(folder, "server.crt"), SLUICE_TLS_KEY_FILE: join(folder, "server.key") };
  expect(faultsOf(files)).toEqual([]);
});

test("what is no PEM, cannot be read, or belongs to another is told, and of a key not a word", () => {
  expect(faultsOf({ SLUICE_TLS_CERT: pem.key, SLUICE_TLS_KEY: pem.certificate, SLUICE_CA: "pem" })).toEqual([
    "SLUICE_TLS_CERT holds no certificate in PEM",
    "SLUICE_TLS_KEY holds no private key in PEM that can be read without a passphrase",
    "SLUICE_CA holds no certificate in PEM",
  ]);
  expect(faultsOf({ SLUICE_TLS_KEY: encryptedKey().toString() })).toEqual([
    "SLUICE_TLS_KEY holds no private key in PEM that can be read without a passphrase",
  ]);
  expect(faultsOf({ SLUICE_CA: pem.ca.replace(/\n.{10}/, "\n") })).toEqual([
    "SLUICE_CA holds a certificate that cannot be read",
  ]);
  expect(faultsOf({ SLUICE_TLS_CERT: `${pem.ca}\n${pem.certificate}`, SLUICE_TLS_KEY: pem.key })).toEqual([
    "SLUICE_TLS_KEY does not belong to the certificate of SLUICE_TLS_CERT",
  ]);
});
