// Which TLS connections have proved themselves by a client certificate: issued by the configured CA, within its dates,
// and, where a list of names is configured, holding one of them.
// Promise: a connection that presented a certificate which does not hold is closed before its first request, whatever
// else it might bring along; one that presented none is `holds` = false (TLS itself refuses it where one is required).
import type { TLSSocket } from "node:tls";
import { certificateNames } from "./certificate-names.ts";

export type ClientCertificates = Readonly<{ holds: (socket: object) => boolean }>;

type TlsServer = Readonly<{ on: (event: "secureConnection", listener: (socket: TLSSocket) => void) => unknown }>;

/** `allowedNames` null = every name of the CA. Watches `server`; call it before the server listens. */
export function watchClientCertificates(server: TlsServer, allowedNames: readonly string[] | null): ClientCertificates {
  const proved = new WeakSet<object>();
  server.on("secureConnection", (socket: TLSSocket) => {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return;
    const named =
      allowedNames === null || certificateNames(certificate.subjectAltName).some((name) => allowedNames.includes(name));
    if (socket.authorized && named) proved.add(socket);
    else socket.destroy();
  });
  return { holds: (socket) => proved.has(socket) };
}
