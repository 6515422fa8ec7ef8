// Who may connect: our TLS identity, how callers prove themselves, who may scrape.
import { readCertificates, readKeyPair } from "./config-certificates.ts";
import { type ConfigReader, splitList } from "./config-reader.ts";
import { Secret } from "./platform/secret.ts";

export const SERVICE_AUTH_KINDS = ["none", "credential", "mtls", "both"] as const;
export type ServiceAuthKind = (typeof SERVICE_AUTH_KINDS)[number];

/** PEM texts; `clientNames` null = every certificate of `clientCa`. */
export type TlsConfig = Readonly<{
  certificate: string;
  privateKey: Secret;
  clientCa: string | null;
  clientNames: readonly string[] | null;
}>;

/** `tenants` null = may ask for every tenant. */
export type ServiceCredential = Readonly<{ secret: Secret; tenants: readonly string[] | null }>;

export type ServiceAuthConfig = Readonly<{ kind: ServiceAuthKind; credentials: readonly ServiceCredential[] }>;

export function readTls(reader: ConfigReader): TlsConfig | null {
  const { certificate, privateKey } = readKeyPair(reader, "SLUICE_TLS");
  const clientCa = readCertificates(reader, "SLUICE_TLS_CLIENT_CA");
  const clientNames = reader.list("SLUICE_TLS_CLIENT_NAMES");
  for (const name of clientNames ?? []) {
    if (/^(DNS|URI|IP Address|email):./.test(name)) continue;
    reader.fault(
      "SLUICE_TLS_CLIENT_NAMES",
      `holds ${JSON.stringify(name)}`,
      "write each as DNS:name, URI:uri, IP Address:address or email:address",
    );
  }
  if (clientNames !== null && clientCa === null) {
    reader.fault(
      "SLUICE_TLS_CLIENT_NAMES",
      "is set without SLUICE_TLS_CLIENT_CA",
      "name the CA whose certificates hold these names",
    );
  }
  if (certificate !== null && privateKey !== null) return { certificate, privateKey, clientCa, clientNames };
  if (certificate !== null || privateKey !== null || clientCa !== null) {
    const missing = certificate === null ? "SLUICE_TLS_CERT" : "SLUICE_TLS_KEY";
    reader.fault(
      missing,
      "is missing, while other parts of TLS are set",
      "set SLUICE_TLS_CERT and SLUICE_TLS_KEY (or their _FILE)",
    );
  }
  return null;
}

/** 401 is the only other judge of a credential, so what could never match is a fault here. */
const CREDENTIAL = /^([A-Za-z0-9._~+/=-]{16,256})(?::([A-Za-z0-9._-]{1,64}(?:\+[A-Za-z0-9._-]{1,64})*))?$/;

/**
 * `credential` or `credential:tenant+tenant`, separated by commas or line ends. There may be none: credentials managed
 * through the Admin API are known only once their database was asked (callers-notice.ts tells when there is none either).
 */
export function readServiceAuth(reader: ConfigReader, kindWhenAbsent: ServiceAuthKind): ServiceAuthConfig {
  const kind = reader.choice("SLUICE_SERVICE_AUTH", SERVICE_AUTH_KINDS, kindWhenAbsent);
  const variable = "SLUICE_SERVICE_CREDENTIALS";
  const entries = splitList(reader.textOrFile(variable)) ?? [];
  const credentials = entries.flatMap((entry, index): ServiceCredential[] => {
    const [, secret, tenants] = CREDENTIAL.exec(entry) ?? [];
    if (secret !== undefined) return [{ secret: new Secret(secret), tenants: tenants?.split("+") ?? null }];
    reader.fault(
      variable,
      `holds no credential in entry ${index + 1}`,
      "write 16 to 256 of A-Z a-z 0-9 . _ ~ + / = -, then optionally :tenant+tenant",
    );
    return [];
  });
  const secrets = new Set(credentials.map(({ secret }) => secret.reveal()));
  if (secrets.size < credentials.length) {
    reader.fault(variable, "lists one credential twice", "list it once, with all its tenants");
  }
  return { kind, credentials };
}
