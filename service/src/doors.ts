// The listeners of one worker: the check door on the service port, the operations door on its own.
import type { RequestListener } from "node:http";
import { type Callers, createCallers } from "./auth/callers.http.ts";
import { watchClientCertificates } from "./auth/client-certificates.http.ts";
import { createCredentials, type ManagedCredentials } from "./auth/credentials.ts";
import type { Config } from "./config.ts";
import type { TlsConfig } from "./config-access.ts";
import { createHttpListener, type HttpListener } from "./platform/http.ts";
import { createScrapeGate, type OpsParts } from "./platform/ops.http.ts";
import { listenerTlsOptions } from "./platform/tls.ts";

/** `door` is built when it is known how callers prove themselves. */
export function openServiceDoor(
  config: Config,
  managed: ManagedCredentials,
  door: (callers: Callers) => RequestListener,
): HttpListener {
  const { kind, credentials } = config.serviceAuth;
  let handle: RequestListener = () => undefined;
  const listener = createHttpListener(
    (request, response) => handle(request, response),
    tlsOf(config.tls, kind === "mtls"),
  );
  const configured = credentials.map(({ secret, tenants }) => ({ secret: secret.reveal(), tenants }));
  const known = createCredentials(configured, managed);
  const certificates = () => watchClientCertificates(listener.server, config.tls?.clientNames ?? null);
  switch (kind) {
    case "none":
      handle = door(createCallers({ kind }));
      break;
    case "credential":
      handle = door(createCallers({ kind, credentials: known }));
      break;
    case "mtls":
      handle = door(createCallers({ kind, certificates: certificates() }));
      break;
    case "both":
      handle = door(createCallers({ kind, credentials: known, certificates: certificates() }));
  }
  return listener;
}

/** On a port of its own: callers of checks never reach it. */
export function openAdminListener(config: Config, handle: RequestListener): HttpListener {
  return createHttpListener(handle, tlsOf(config.tls, false));
}

/** Who may read metrics: everyone in `dev`, else whoever holds the credential or a certificate of the CA. */
export function openOpsDoor(config: Config, door: (mayScrape: OpsParts["mayScrape"]) => RequestListener): HttpListener {
  let handle: RequestListener = () => undefined;
  const listener = createHttpListener(
    (request, response) => handle(request, response),
    config.ops.mtls ? tlsOf(config.tls, false) : null,
  );
  const certificates = config.ops.mtls
    ? watchClientCertificates(listener.server, config.tls?.clientNames ?? null)
    : null;
  const gate = createScrapeGate({
    credential: config.ops.scrapeCredential?.reveal() ?? null,
    holdsCertificate: certificates === null ? null : (request) => certificates.holds(request.socket),
  });
  handle = door(gate);
  return listener;
}

function tlsOf(tls: TlsConfig | null, clientCertificateRequired: boolean) {
  if (tls === null) return null;
  return listenerTlsOptions({
    certificate: tls.certificate,
    privateKey: tls.privateKey.reveal(),
    clientCa: tls.clientCa,
    clientCertificateRequired,
  });
}
