// How settings must fit together: workers and embedded stores, ports, and what a profile refuses (connections: config-pool.ts).
// Each rule adds a fault that names the variable to change.
import type { Config } from "./config.ts";
import { applyConnectionRules } from "./config-pool.ts";
import type { ConfigReader } from "./config-reader.ts";
import type { Secret } from "./platform/secret.ts";

/** What `dev` and `stage` use where nothing is set. Public, so `prod` refuses them. */
export const DEFAULT_SECRETS = {
  SLUICE_ID_SECRET: "sluice-default-id-secret-for-development",
  SLUICE_SNAPSHOT_KEY: "sluice-default-snapshot-key-for-development",
} as const;

/** The credential of the demo, in the banner for everyone to copy. */
export const DEMO_CREDENTIAL = "sluice-demo-service-credential";

/** The first admin of the demo, in the banner too; prod has no demo. */
export const DEMO_ADMIN = { login: "admin", password: "only-for-looking-around" } as const;

const GUESSABLE = /^(?:change-?me|secret|password|passwd|admin|default|example|test|sluice)[\d!]*$|^(.)\1*$/i;

export function applyRules(reader: ConfigReader, config: Config): void {
  applyWorkerRule(reader, config);
  applyConnectionRules(reader, config);
  applyPortRule(reader, config);
  applyTlsRules(reader, config);
  applyDrainRule(reader, config);
  if (config.profile !== "dev") applyAccessRules(reader, config);
  if (config.profile === "prod") applyProdRules(reader, config);
}

function applyWorkerRule(reader: ConfigReader, { workers, database, redis }: Config): void {
  if (workers === "auto" || workers === 1) return;
  const missing = [
    ...(database.kind === "embedded" ? ["SLUICE_DATABASE_URL"] : []),
    ...(redis.kind === "embedded" ? ["SLUICE_REDIS_URL"] : []),
  ];
  if (missing.length === 0 || missing.some((variable) => reader.isFaulty(variable))) return;
  const problem = `is ${workers}, but without ${missing.join(" and ")} there is exactly one worker: embedded stores are not shared`;
  reader.fault("SLUICE_WORKERS", problem, `set ${missing.join(" and ")}, or SLUICE_WORKERS to 1 or auto`);
}

function applyPortRule(reader: ConfigReader, { port, adminPort, opsPort }: Config): void {
  const taken = new Map<number, string>([[port, "SLUICE_PORT"]]);
  for (const [variable, each] of [
    ["SLUICE_ADMIN_PORT", adminPort],
    ["SLUICE_OPS_PORT", opsPort],
  ] as const) {
    // Port 0 asks the system for a free one, so several may.
    if (each === null || each === 0) continue;
    const other = taken.get(each);
    if (other !== undefined) reader.fault(variable, `is ${each}, the same as ${other}`, "give each its own port");
    taken.set(each, variable);
  }
}

function applyTlsRules(reader: ConfigReader, { serviceAuth, ops, tls }: Config): void {
  const needed = serviceAuth.kind === "mtls" || serviceAuth.kind === "both" ? "SLUICE_SERVICE_AUTH" : null;
  for (const variable of [needed, ops.mtls ? "SLUICE_OPS_MTLS" : null]) {
    if (variable === null || (tls !== null && tls.clientCa !== null)) continue;
    reader.fault(
      variable,
      "asks for client certificates, but TLS is not complete",
      "set SLUICE_TLS_CERT, SLUICE_TLS_KEY and SLUICE_TLS_CLIENT_CA (or their _FILE)",
    );
  }
}

/** The other half of the end is for what is in flight, and for closing the stores. */
function applyDrainRule(reader: ConfigReader, { drainDelayMs, shutdownMs }: Config): void {
  if (drainDelayMs * 2 <= shutdownMs || reader.isFaulty("SLUICE_SHUTDOWN_MS")) return;
  reader.fault(
    "SLUICE_DRAIN_DELAY_MS",
    `is ${drainDelayMs}, more than half of SLUICE_SHUTDOWN_MS, ${shutdownMs}: what is in flight could not end in time`,
    `set it to ${Math.floor(shutdownMs / 2)} or less, or SLUICE_SHUTDOWN_MS to ${drainDelayMs * 2} or more`,
  );
}

function applyAccessRules(reader: ConfigReader, { profile, serviceAuth, ops }: Config): void {
  if (serviceAuth.kind === "none") {
    reader.fault(
      "SLUICE_SERVICE_AUTH",
      `is none, which only dev allows, not ${profile}`,
      "use credential, mtls or both",
    );
  }
  if (ops.scrapeCredential === null && !ops.mtls) {
    reader.fault(
      "SLUICE_SCRAPE_CREDENTIAL",
      `is missing; outside dev /metrics needs a proof`,
      "set it (or its _FILE), or SLUICE_OPS_MTLS=1",
    );
  }
}

function applyProdRules(reader: ConfigReader, config: Config): void {
  const { database, redis } = config;
  if (reader.isFaulty("SLUICE_DATABASE_URL")) {
    // Said already.
  } else if (database.kind === "embedded") {
    reader.fault(
      "SLUICE_DATABASE_URL",
      "is missing; prod does not run on the embedded database",
      "set the address of PostgreSQL",
    );
  } else if (!database.certificateVerified) {
    reader.fault(
      "SLUICE_DATABASE_URL",
      "(or SLUICE_MIGRATE_DATABASE_URL, SLUICE_DATABASE_READ_URL) does not verify the server's certificate",
      "add sslmode=verify-full",
    );
  }
  if (reader.isFaulty("SLUICE_REDIS_URL")) {
    // Said already.
  } else if (redis.kind === "embedded") {
    reader.fault(
      "SLUICE_REDIS_URL",
      "is missing; prod does not count inside one process",
      "set the addresses of Redis",
    );
  } else if (redis.tls === null) {
    reader.fault("SLUICE_REDIS_URL", "does not use TLS", "use rediss:// for every node");
  }
  if (config.adminPort === null) {
    reader.fault(
      "SLUICE_ADMIN_PORT",
      "is missing; in prod the Admin API has a port of its own",
      "set a port that only operators reach",
    );
  }
  if (config.jwt.privateKeys.length === 0 && !reader.isFaulty("SLUICE_JWT_PRIVATE_KEYS")) {
    reader.fault(
      "SLUICE_JWT_PRIVATE_KEYS",
      "is missing; prod keeps no signing key in its database",
      "set what `openssl genpkey -algorithm ed25519` makes (or its _FILE)",
    );
  }
  if (config.demo) reader.fault("SLUICE_DEMO", "is 1; prod takes no demo data", "unset it");
  refuseDefaultSecrets(reader, config);
}

function refuseDefaultSecrets(reader: ConfigReader, config: Config): void {
  const secrets: readonly (readonly [string, Secret | null])[] = [
    ["SLUICE_ID_SECRET", config.idSecret],
    ["SLUICE_SNAPSHOT_KEY", config.snapshotKey],
    ["SLUICE_ADMIN_PASSWORD", config.firstAdmin?.password ?? null],
    ["SLUICE_SCRAPE_CREDENTIAL", config.ops.scrapeCredential],
    ...config.serviceAuth.credentials.map(({ secret }) => ["SLUICE_SERVICE_CREDENTIALS", secret] as const),
  ];
  const known = new Set<string>([...Object.values(DEFAULT_SECRETS), DEMO_CREDENTIAL]);
  for (const [variable, secret] of secrets) {
    const value = secret?.reveal();
    if (value === undefined || reader.isFaulty(variable) || (!known.has(value) && !GUESSABLE.test(value))) continue;
    reader.fault(
      variable,
      "is missing, or a default or guessable secret",
      "set a random value, e.g. of `openssl rand -hex 32` (or use its _FILE)",
    );
  }
}
