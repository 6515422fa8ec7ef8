// Makes throw-away certificates for tests of TLS: one authority, one server and one client certificate signed by it, and a
// server certificate that has expired. Needs the `openssl` program. Call twice for two authorities.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** Paths of PEM files. The server certificate is valid for 127.0.0.1 and localhost. */
export type Certificates = Readonly<{
  caFile: string;
  caKeyFile: string;
  serverCertFile: string;
  serverKeyFile: string;
  clientCertFile: string;
  clientKeyFile: string;
}>;

const run = promisify(execFile);
const VALID_DAYS = 2;
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
const SERVER_NAMES = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];

/** Writes the files into `folder`, which must exist. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string) => join(folder, name);
  await makeCertificate(file("ca"), "test authority", ["-addext", "keyUsage=critical,keyCertSign"]);
  const signed = ["-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-addext", "basicConstraints=critical,CA:FALSE"];
  await Promise.all([
    makeCertificate(file("server"), "localhost", [...signed, ...SERVER_NAMES]),
    makeCertificate(file("client"), "test client", [...signed, "-addext", "subjectAltName=DNS:client.test"]),
  ]);
  return {
    caFile: file("ca.crt"),
    caKeyFile: file("ca.key"),
    serverCertFile: file("server.crt"),
    serverKeyFile: file("server.key"),
    clientCertFile: file("client.crt"),
    clientKeyFile: file("client.key"),
  };
}

/** A server certificate of the same key, names and authority, but expired since yesterday; written to `path`. */
export async function makeExpired(certificates: Certificates, path: string): Promise<void> {
  const { caFile, caKeyFile, serverKeyFile } = certificates;
  const request = `${path}.csr`;
  await run("openssl", [
    "req",
    "-new",
    "-key",
    serverKeyFile,
    "-subj",
    "/CN=localhost",
    ...SERVER_NAMES,
    "-out",
    request,
  ]);
  const signed = ["-CA", caFile, "-CAkey", caKeyFile, "-copy_extensions", "copyall", "-days", "-1"];
  await run("openssl", ["x509", "-req", "-in", request, ...signed, "-out", path]);
}

async function makeCertificate(stem: string, commonName: string, extra: readonly string[]): Promise<void> {
  const subject = ["-subj", `/CN=${commonName}`, "-days", String(VALID_DAYS)];
  const output = ["-keyout", `${stem}.key`, "-out", `${stem}.crt`];
  await run("openssl", ["req", "-x509", ...NEW_KEY, ...subject, ...output, ...extra]);
}
