// What access tokens of the Admin API are signed with, and whom they name as issuer and audience.
import { readTokenKey } from "./auth/token-keys.ts";
import type { ConfigReader } from "./config-reader.ts";
import { Secret } from "./platform/secret.ts";

/** `privateKeys` are PEM texts, the signing one first; none = the instances share one through PostgreSQL, never in prod. */
export type JwtConfig = Readonly<{ privateKeys: readonly Secret[]; issuer: string; audience: string }>;

const KEYS = "SLUICE_JWT_PRIVATE_KEYS";
const PEM = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g;
/** One that signs, one to come, one to go; each more would only be one more to lose. */
const MOST_KEYS = 3;

export function readJwt(reader: ConfigReader): JwtConfig {
  return {
    privateKeys: readPrivateKeys(reader),
    issuer: reader.text("SLUICE_JWT_ISSUER") ?? "sluice",
    audience: reader.text("SLUICE_JWT_AUDIENCE") ?? "sluice-admin",
  };
}

function readPrivateKeys(reader: ConfigReader): Secret[] {
  // Environments that hold one line only write the line ends of a PEM text as \n.
  const text = reader.textOrFile(KEYS)?.replaceAll("\\n", "\n");
  if (text === undefined) return [];
  const pems = text.match(PEM) ?? [];
  const fix = "write one after another what `openssl genpkey -algorithm ed25519` makes, the signing one first";
  if (pems.length === 0 || text.replaceAll(PEM, "").trim() !== "") {
    reader.fault(KEYS, "holds something that is not PEM", fix);
    return [];
  }
  const ids = pems.map(idOf);
  for (const [index, id] of ids.entries()) {
    if (id === null) reader.fault(KEYS, `holds no unencrypted Ed25519 private key in entry ${index + 1}`, fix);
  }
  if (new Set(ids).size < ids.length && !ids.includes(null)) reader.fault(KEYS, "holds one key twice", "write it once");
  if (pems.length > MOST_KEYS) {
    reader.fault(KEYS, `holds ${pems.length} keys`, `keep at most ${MOST_KEYS}: take away those that signed long ago`);
  }
  return pems.map((pem) => new Secret(pem));
}

function idOf(pem: string): string | null {
  try {
    return readTokenKey(pem).kid;
  } catch {
    return null;
  }
}
