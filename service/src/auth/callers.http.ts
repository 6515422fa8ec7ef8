// Who sent this request? By `X-Service-Auth: <credential>`, by client certificate, or by either (`both`).
// Promise: a proof that is presented must hold: a wrong credential is refused even beside a good certificate.
// Not here: whether that caller may ask for a tenant (check.http.ts).
import type { IncomingMessage } from "node:http";
import type { ClientCertificates } from "./client-certificates.http.ts";
import type { Caller, Credentials } from "./credentials.ts";

/** Returns null when the caller did not prove itself. */
export type Callers = (request: IncomingMessage) => Caller | null;

export type Proofs =
  | Readonly<{ kind: "none" }>
  | Readonly<{ kind: "credential"; credentials: Credentials }>
  | Readonly<{ kind: "mtls"; certificates: ClientCertificates }>
  | Readonly<{ kind: "both"; credentials: Credentials; certificates: ClientCertificates }>;

const ANY_TENANT: Caller = { tenants: null };

export function createCallers(proofs: Proofs): Callers {
  switch (proofs.kind) {
    case "none":
      return () => ANY_TENANT;
    case "credential":
      return (request) => byCredential(request, proofs.credentials);
    case "mtls":
      return (request) => byCertificate(request, proofs.certificates);
    case "both":
      return (request) =>
        request.headers["x-service-auth"] === undefined
          ? byCertificate(request, proofs.certificates)
          : byCredential(request, proofs.credentials);
  }
}

function byCredential(request: IncomingMessage, credentials: Credentials): Caller | null {
  const presented = request.headers["x-service-auth"];
  // Sent twice, the header is joined by a comma, which no credential holds.
  return typeof presented === "string" ? credentials(presented) : null;
}

function byCertificate(request: IncomingMessage, certificates: ClientCertificates): Caller | null {
  return certificates.holds(request.socket) ? ANY_TENANT : null;
}
