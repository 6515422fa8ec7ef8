// Makes throw-away certificates for tests of TLS: one authority, one server and one client certificate signed by it.
// Needs the `openssl` program. Not here: expired or foreign certificates; call twice for two authorities.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** Paths of PEM files. The server certificate is valid for 127.0.0.1 and localhost. */
export type Certificates = Readonly<{
  caFile: string;
  serverCertFile: string;
  serverKeyFile: string;
  clientCertFile: string;
  clientKeyFile: string;
}>;

const run = promisify(execFile);
const VALID_DAYS = 2;
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Writes the files into `folder`, which must exist. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string) => join(folder, name);
  await makeCertificate(file("ca"), "test authority", ["-addext", "keyUsage=critical,keyCertSign"]);
  const signed = ["-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-addext", "basicConstraints=critical,CA:FALSE"];
  const names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
  await Promise.all([
    makeCertificate(file("server"), "localhost", [...signed, ...names]),
    makeCertificate(file("client"), "test client", [...signed, "-addext", "subjectAltName=DNS:client.test"]),
  ]);
  return {
    caFile: file("ca.crt"),
    serverCertFile: file("server.crt"),
    serverKeyFile: file("server.key"),
    clientCertFile: file("client.crt"),
    clientKeyFile: file("client.key"),
  };
}

async function makeCertificate(stem: string, commonName: string, extra: readonly string[]): Promise<void> {
  const subject = ["-subj", `/CN=${commonName}`, "-days", String(VALID_DAYS)];
  const output = ["-keyout", `${stem}.key`, "-out", `${stem}.crt`];
  await run("openssl", ["req", "-x509", ...NEW_KEY, ...subject, ...output, ...extra]);
}
