// The TLS settings of our listeners: 1.2 or newer (HTTP/1.1 is node's own choice), client certificates asked for where a CA is given.
import { constants } from "node:crypto";
import type { TlsOptions } from "node:tls";

export type ListenerTls = Readonly<{
  /** PEM texts. */
  certificate: string;
  privateKey: string;
  clientCa: string | null;
  /** True = a connection without a valid client certificate fails in the handshake. */
  clientCertificateRequired: boolean;
}>;

export function listenerTlsOptions(tls: ListenerTls): TlsOptions {
  return {
    cert: tls.certificate,
    key: tls.privateKey,
    minVersion: "TLSv1.2",
    // A resumed session would go on with a certificate that has expired since.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...(tls.clientCa === null
      ? {}
      : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: tls.clientCertificateRequired }),
  };
}
