// The handshake matrix, over real TLS: which client certificates open the door in which mode.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCertificates } from "../../test/certificates.ts";
import { createHttpListener, type HttpListener } from "../platform/http.ts";
import { listenerTlsOptions } from "../platform/tls.ts";
import { createCallers } from "./callers.http.ts";
import { watchClientCertificates } from "./client-certificates.http.ts";
import { createCredentials } from "./credentials.ts";

type Identity = Readonly<{ cert: string; key: string }>;
type Mode = "mtls" | "both";

const run = promisify(execFile);
const SECRET = "credential-0123456789";

let folder: string;
let ca: string;
let identities: Record<string, Identity>;
let ports: Record<Mode, number>;
const listeners: HttpListener[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-certificates-"));
  await Promise.all(["ours", "theirs"].map((name) => mkdir(join(folder, name))));
  const ours = await makeCertificates(join(folder, "ours"));
  const theirs = await makeCertificates(join(folder, "theirs"));
  ca = await readFile(ours.caFile, "utf8");
  identities = {
    good: await identity(ours.clientCertFile, ours.clientKeyFile),
    foreign: await identity(theirs.clientCertFile, theirs.clientKeyFile),
    misnamed: await signedBy(ours.caFile, "misnamed", "DNS:other.test", 2),
    expired: await signedBy(ours.caFile, "expired", "DNS:client.test", -1),
  };
  const server = await identity(ours.serverCertFile, ours.serverKeyFile);
  ports = { mtls: await listen("mtls", server), both: await listen("both", server) };
});

afterAll(async () => {
  for (const { server, drain } of listeners) {
    server.closeAllConnections();
    await drain();
  }
  await rm(folder, { recursive: true });
});

test.for<readonly [Mode, string, string | null, string]>([
  ["mtls", "good", null, "200"],
  ["mtls", "none", null, "closed"],
  ["mtls", "none", SECRET, "closed"],
  ["mtls", "foreign", null, "closed"],
  ["mtls", "expired", null, "closed"],
  ["mtls", "misnamed", null, "closed"],
  ["both", "good", null, "200"],
  ["both", "good", SECRET, "200"],
  ["both", "good", "a wrong credential", "401"],
  ["both", "none", SECRET, "200"],
  ["both", "none", null, "401"],
  ["both", "none", "a wrong credential", "401"],
  ["both", "foreign", SECRET, "closed"],
  ["both", "expired", SECRET, "closed"],
  ["both", "misnamed", SECRET, "closed"],
])("%s with certificate %s and credential %s: %s", async ([mode, name, credential, outcome]) => {
  expect(await ask(ports[mode], identities[name] ?? null, credential)).toBe(outcome);
});

test("TLS below 1.2 is refused, and HTTP/1.1 is the protocol agreed on", async () => {
  const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  expect(await ask(ports.both, identities.good ?? null, null, old)).toBe("closed");
  const socket = await handshake(ports.both, identities.good ?? null, { ALPNProtocols: ["h2", "http/1.1"] });
  expect(socket.alpnProtocol).toBe("http/1.1");
  socket.destroy();
});

test("a session is not resumed, so a certificate is judged at every connection", async () => {
  const first = await handshake(ports.both, identities.good ?? null, { maxVersion: "TLSv1.2" });
  const session = first.getSession();
  first.destroy();
  const second = await handshake(ports.both, identities.good ?? null, {
    maxVersion: "TLSv1.2",
    ...(session === undefined ? {} : { session }),
  });
  expect(second.isSessionReused()).toBe(false);
  second.destroy();
});

async function listen(mode: Mode, server: Identity): Promise<number> {
  const tls = listenerTlsOptions({
    certificate: server.cert,
    privateKey: server.key,
    clientCa: ca,
    clientCertificateRequired: mode === "mtls",
  });
  const listener = createHttpListener((request, response) => {
    response.writeHead(callers(request) === null ? 401 : 200).end();
  }, tls);
  const certificates = watchClientCertificates(listener.server, ["DNS:client.test"]);
  const credentials = createCredentials([{ secret: SECRET, tenants: null }]);
  const callers = createCallers(
    mode === "mtls" ? { kind: mode, certificates } : { kind: mode, certificates, credentials },
  );
  listeners.push(listener);
  return listener.listen(0, "127.0.0.1");
}

/** The status of a request over a new connection, or "closed" when the peer ended it without one. */
function ask(port: number, who: Identity | null, credential: string | null, more: object = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", ca, ...who, ...more }, () => {
      const proof = credential === null ? "" : `X-Service-Auth: ${credential}\r\n`;
      socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${proof}Connection: close\r\n\r\n`);
    });
    let reply = "";
    socket.on("data", (chunk) => {
      reply += chunk.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(/^HTTP\/1\.1 (\d{3})/.exec(reply)?.[1] ?? "closed"));
  });
}

function handshake(port: number, who: Identity | null, more: object): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", ca, ...who, ...more }, () => resolve(socket));
    socket.once("error", reject);
  });
}

async function identity(certFile: string, keyFile: string): Promise<Identity> {
  return { cert: await readFile(certFile, "utf8"), key: await readFile(keyFile, "utf8") };
}

async function signedBy(caFile: string, name: string, subjectAltName: string, days: number): Promise<Identity> {
  const stem = join(folder, name);
  const caKeyFile = caFile.replace(/\.crt$/, ".key");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${stem}.key`];
  const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${subjectAltName}`];
  await run("openssl", ["req", "-new", ...newKey, ...names, "-out", `${stem}.csr`]);
  const signing = ["-CA", caFile, "-CAkey", caKeyFile, "-copy_extensions", "copyall", "-days", `${days}`];
  await run("openssl", ["x509", "-req", "-in", `${stem}.csr`, ...signing, "-out", `${stem}.crt`]);
  return identity(`${stem}.crt`, `${stem}.key`);
}
