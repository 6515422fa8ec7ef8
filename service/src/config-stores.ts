// Where the stores are: PostgreSQL or the embedded database, Redis or the counters in this process.
// Both addresses may hold a password, so they are secrets as a whole.
import { readCertificates, readKeyPair } from "./config-certificates.ts";
import { type ConfigReader, type Range, splitList } from "./config-reader.ts";
import { PostgresUrlFault, parsePostgresUrl } from "./platform/postgres-hosts.ts";
import { Secret } from "./platform/secret.ts";

export type DatabaseConfig =
  | Readonly<{ kind: "embedded"; dataDir: string }>
  | Readonly<{
      kind: "postgres";
      /** Each address may name several hosts (platform/postgres-hosts.ts). */
      url: Secret;
      migrateUrl: Secret | null;
      /** Whom migrations give the service's rights; null = the service connects as the owner. */
      serviceRole: string | null;
      /** A replica that reports may be read from while it is no older than `maxLagMs`. */
      replica: Readonly<{ url: Secret; maxLagMs: number }> | null;
      /** By every one of the addresses. */
      certificateVerified: boolean;
      tlsCa: string | null;
    }>;

export type RedisNode = Readonly<{ host: string; port: number }>;

export type RedisConfig =
  | Readonly<{ kind: "embedded" }>
  | Readonly<{
      kind: "redis";
      /** One or more nodes to begin with; a cluster is detected. */
      seeds: readonly RedisNode[];
      username: string | null;
      password: Secret | null;
      /** Certificates are always verified; `ca` null = the system's. */
      tls: Readonly<{
        ca: string | null;
        certificate: string | null;
        privateKey: Secret | null;
        serverName: string | null;
      }> | null;
    }>;

/** The lag is measured once a second, so a smaller bound would only hold for a part of each second. */
const READ_LAG: Range = { least: 1_000, most: 3_600_000, unit: "milliseconds" };
const DEFAULT_READ_LAG_MS = 5_000;

export function readDatabase(reader: ConfigReader): DatabaseConfig {
  const dataDir = reader.text("SLUICE_DATA_DIR") ?? ".sluice";
  const tlsCa = readCertificates(reader, "SLUICE_DATABASE_TLS_CA");
  const url = readPostgresUrl(reader, "SLUICE_DATABASE_URL", true);
  const migrateUrl = readPostgresUrl(reader, "SLUICE_MIGRATE_DATABASE_URL", true);
  const readUrl = readPostgresUrl(reader, "SLUICE_DATABASE_READ_URL", false);
  const serviceRole = reader.text("SLUICE_SERVICE_DATABASE_ROLE");
  const maxLagMs = reader.integer("SLUICE_DATABASE_READ_MAX_LAG_MS", READ_LAG, DEFAULT_READ_LAG_MS);
  if (url === null) {
    const depending = {
      SLUICE_MIGRATE_DATABASE_URL: migrateUrl,
      SLUICE_DATABASE_READ_URL: readUrl,
      SLUICE_SERVICE_DATABASE_ROLE: serviceRole,
    };
    for (const [variable, each] of Object.entries(depending)) {
      if (each === null) continue;
      const fix = "set both, or neither for the embedded database";
      reader.fault(variable, "is set without SLUICE_DATABASE_URL", fix);
    }
    return { kind: "embedded", dataDir };
  }
  const verified = [url, migrateUrl, readUrl].every((each) => each === null || each.isVerified);
  return {
    kind: "postgres",
    url: url.secret,
    migrateUrl: migrateUrl?.secret ?? null,
    serviceRole,
    replica: readUrl === null ? null : { url: readUrl.secret, maxLagMs },
    certificateVerified: verified,
    tlsCa,
  };
}

type DatabaseUrl = Readonly<{ secret: Secret; isVerified: boolean }>;

/** `changes`: what connects by it writes, so with several hosts it must say that it wants the one that takes writes. */
function readPostgresUrl(reader: ConfigReader, variable: string, changes: boolean): DatabaseUrl | null {
  const text = reader.textOrFile(variable);
  if (text === null) return null;
  try {
    const { urls, mustTakeWrites } = parsePostgresUrl(text);
    if (changes && urls.length > 1 && !mustTakeWrites) {
      reader.fault(
        variable,
        "names several hosts without saying which of them to use",
        "add target_session_attrs=read-write",
      );
      return null;
    }
    return {
      secret: new Secret(text),
      isVerified: urls.every(({ searchParams }) => searchParams.get("sslmode") === "verify-full"),
    };
  } catch (fault) {
    if (!(fault instanceof PostgresUrlFault)) throw fault;
    reader.fault(variable, fault.because, fault.fix);
    return null;
  }
}

const DEFAULT_REDIS_PORT = 6379;

export function readRedis(reader: ConfigReader): RedisConfig {
  const ca = readCertificates(reader, "SLUICE_REDIS_TLS_CA");
  const { certificate, privateKey } = readKeyPair(reader, "SLUICE_REDIS_TLS");
  const serverName = reader.text("SLUICE_REDIS_TLS_SERVERNAME");
  const username = reader.text("SLUICE_REDIS_USERNAME");
  const password = reader.secret("SLUICE_REDIS_PASSWORD");
  if ((certificate === null) !== (privateKey === null)) {
    const missing = certificate === null ? "SLUICE_REDIS_TLS_CERT" : "SLUICE_REDIS_TLS_KEY";
    reader.fault(
      missing,
      "is missing, while its other half is set",
      "set SLUICE_REDIS_TLS_CERT and SLUICE_REDIS_TLS_KEY together",
    );
  }
  const seeds = readSeeds(reader);
  const [first] = seeds;
  if (first === undefined) return { kind: "embedded" };
  return {
    kind: "redis",
    seeds: seeds.map((url) => ({
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? DEFAULT_REDIS_PORT : Number(url.port),
    })),
    username: username ?? (first.username === "" ? null : decodeURIComponent(first.username)),
    password: password ?? (first.password === "" ? null : new Secret(decodeURIComponent(first.password))),
    tls: first.protocol === "rediss:" ? { ca, certificate, privateKey, serverName } : null,
  };
}

/** The seeds, all alike but for host and port; none when the variable is absent or faulty. */
function readSeeds(reader: ConfigReader): URL[] {
  const variable = "SLUICE_REDIS_URL";
  const urls = (splitList(reader.textOrFile(variable)) ?? []).map((text) => URL.parse(text));
  const seeds = urls.filter((url) => url !== null && isSeed(url)) as URL[];
  if (seeds.length < urls.length) {
    reader.fault(
      variable,
      "holds an entry that is not a Redis address",
      "use redis://host:6379 or rediss://host:6379, separated by commas, database 0",
    );
    return [];
  }
  const kinds = new Set(seeds.map(({ protocol, username, password }) => `${protocol}${username}:${password}`));
  if (kinds.size <= 1) return seeds;
  reader.fault(variable, "holds seeds that differ in scheme, user or password", "give all nodes of one cluster alike");
  return [];
}

function isSeed(url: URL): boolean {
  const schemeFits = url.protocol === "redis:" || url.protocol === "rediss:";
  const databaseFits = url.pathname === "" || url.pathname === "/" || url.pathname === "/0";
  return schemeFits && databaseFits && url.hostname !== "" && isDecodable(url.username) && isDecodable(url.password);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
