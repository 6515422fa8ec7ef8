// Where the stores are: PostgreSQL or the embedded database, Redis or the counters in this process.
// Both addresses may hold a password, so they are secrets as a whole.
import { type ConfigReader, splitList } from "./config-reader.ts";
import { Secret } from "./platform/secret.ts";

export type DatabaseConfig =
  | Readonly<{ kind: "embedded"; dataDir: string }>
  | Readonly<{
      kind: "postgres";
      url: Secret;
      migrateUrl: Secret | null;
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

export function readDatabase(reader: ConfigReader): DatabaseConfig {
  const dataDir = reader.text("SLUICE_DATA_DIR") ?? ".sluice";
  const tlsCa = reader.textOrFile("SLUICE_DATABASE_TLS_CA");
  const url = readPostgresUrl(reader, "SLUICE_DATABASE_URL");
  const migrateUrl = readPostgresUrl(reader, "SLUICE_MIGRATE_DATABASE_URL");
  if (url === null) {
    if (migrateUrl !== null) {
      reader.fault(
        "SLUICE_MIGRATE_DATABASE_URL",
        "is set without SLUICE_DATABASE_URL",
        "set both, or neither for the embedded database",
      );
    }
    return { kind: "embedded", dataDir };
  }
  const verified = [url, migrateUrl].every(
    (each) => each === null || each.searchParams.get("sslmode") === "verify-full",
  );
  return {
    kind: "postgres",
    url: new Secret(url.href),
    migrateUrl: migrateUrl === null ? null : new Secret(migrateUrl.href),
    certificateVerified: verified,
    tlsCa,
  };
}

function readPostgresUrl(reader: ConfigReader, variable: string): URL | null {
  const text = reader.textOrFile(variable);
  if (text === null) return null;
  const url = URL.parse(text);
  if (url !== null && (url.protocol === "postgres:" || url.protocol === "postgresql:")) return url;
  reader.fault(
    variable,
    "is not a PostgreSQL address",
    "use postgresql://user:password@host:5432/database?sslmode=verify-full",
  );
  return null;
}

const DEFAULT_REDIS_PORT = 6379;

export function readRedis(reader: ConfigReader): RedisConfig {
  const ca = reader.textOrFile("SLUICE_REDIS_TLS_CA");
  const certificate = reader.textOrFile("SLUICE_REDIS_TLS_CERT");
  const privateKey = reader.secret("SLUICE_REDIS_TLS_KEY");
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
