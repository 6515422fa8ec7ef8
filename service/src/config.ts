// The only reader of the environment. Everything that can be set, with its default, its bounds and its kind.
// Promises: all faults are reported at once, each with its variable, what is wrong and the fix; secrets are masked
// wherever the result is printed; the result is frozen and never changes while the process lives.
// Not here: rules between settings (config-rules.ts), finding what `auto` workers means (main.ts).
import { FALLBACK_MODES, type FallbackMode } from "@sluice/contract";
import { readServiceAuth, readTls, type ServiceAuthConfig, type TlsConfig } from "./config-access.ts";
import { type AuditConfig, readAudit } from "./config-audit.ts";
import { type PoolConfig, readPool } from "./config-pool.ts";
import { readTrustedProxies } from "./config-proxies.ts";
import { ConfigReader, type Environment, type Fault, type Range } from "./config-reader.ts";
import { readRetention } from "./config-retention.ts";
import { applyRules, DEFAULT_SECRETS, DEMO_ADMIN } from "./config-rules.ts";
import { type DatabaseConfig, type RedisConfig, readDatabase, readRedis } from "./config-stores.ts";
import { type JwtConfig, readJwt } from "./config-tokens.ts";
import { LOG_LEVELS, type LogLevel } from "./platform/log.ts";
import { Secret } from "./platform/secret.ts";
import type { Retention } from "./usage/partitions.ts";

export const PROFILES = ["dev", "stage", "prod"] as const;
export type Profile = (typeof PROFILES)[number];

export type Config = Readonly<{
  profile: Profile;
  demo: boolean;
  /** Where the snapshot file lives, and the embedded database. */
  dataDir: string;
  logLevel: LogLevel;
  host: string;
  /** Ports; 0 = any free one. `adminPort` null = the Admin API shares `port`. */
  port: number;
  adminPort: number | null;
  opsPort: number;
  /** `auto` = one per core as far as the connections are enough, or one with an embedded store. */
  workers: number | "auto";
  database: DatabaseConfig;
  /** As it was at the start; SIGHUP reads it again. */
  pool: PoolConfig;
  redis: RedisConfig;
  /** Keys digests of user ids in store keys, and of requests that carry an Idempotency-Key: the same on every instance. */
  idSecret: Secret;
  /** Keys the HMAC of the snapshot file. */
  snapshotKey: Secret;
  checkDeadlineMs: number;
  fallback: FallbackMode;
  quotaStatus: 429 | 403;
  /** New users per tenant and day that get counters of their own. */
  maxUsers: number;
  defaultTimeZone: string;
  snapshotIntervalMs: number;
  policyFile: Readonly<{ path: string; force: boolean }> | null;
  tls: TlsConfig | null;
  serviceAuth: ServiceAuthConfig;
  /** CIDRs whose X-Forwarded-For names the client of an Admin request; null = none is believed. */
  trustedProxies: readonly string[] | null;
  ops: Readonly<{ scrapeCredential: Secret | null; mtls: boolean }>;
  firstAdmin: Readonly<{ login: string; password: Secret }> | null;
  jwt: JwtConfig;
  audit: AuditConfig;
  retention: Retention;
  /** For the whole end, from SIGTERM to the exit. */
  shutdownMs: number;
  /** The first part of it: unready, but still serving, until callers have seen it and gone. */
  drainDelayMs: number;
}>;

export type ReadConfig =
  /** `unread` are variables that start with SLUICE_ and mean nothing: worth a warning, not a refusal. */
  | Readonly<{ kind: "ok"; config: Config; unread: readonly string[] }>
  | Readonly<{ kind: "faulty"; faults: readonly Fault[] }>;

const PORT: Range = { least: 0, most: 65_535, unit: "port" };
const WORKERS: Range = { least: 1, most: 1_024, unit: "workers" };
const CHECK_DEADLINE: Range = { least: 1, most: 60_000, unit: "milliseconds" };
const INTERVAL: Range = { least: 100, most: 3_600_000, unit: "milliseconds" };
const DRAIN_DELAY: Range = { least: 0, most: 60_000, unit: "milliseconds" };
/** Callers and balancers that look at /readyz every second have seen it by then, though their look takes its time. */
const DEFAULT_DRAIN_DELAY_MS = 2_000;
const USERS: Range = { least: 1, most: 10_000_000, unit: "users" };
const LEAST_SECRET_LENGTH = 32;
const LEAST_CREDENTIAL_LENGTH = 16;
const LEAST_PASSWORD_LENGTH = 12;

/** `readFile` returns the text of a file or throws; it is asked only for `*_FILE` variables. */
export function readConfig(environment: Environment, readFile: (path: string) => string): ReadConfig {
  const reader = new ConfigReader(environment, readFile);
  const config = readAll(reader);
  applyRules(reader, config);
  if (reader.faults.length > 0) return { kind: "faulty", faults: reader.faults };
  return { kind: "ok", config: freeze(config), unread: reader.unread("SLUICE_") };
}

function readAll(reader: ConfigReader): Config {
  const profile = reader.choice("SLUICE_PROFILE", PROFILES, "dev");
  const demo = reader.flag("SLUICE_DEMO");
  return {
    profile,
    demo,
    dataDir: reader.text("SLUICE_DATA_DIR") ?? ".sluice",
    logLevel: reader.choice("SLUICE_LOG_LEVEL", LOG_LEVELS, "info"),
    // A development service is nobody else's business on the network.
    host: reader.text("SLUICE_HOST") ?? (profile === "dev" ? "127.0.0.1" : "0.0.0.0"),
    port: reader.integer("SLUICE_PORT", PORT, 8080),
    adminPort: reader.integer("SLUICE_ADMIN_PORT", PORT, null),
    opsPort: reader.integer("SLUICE_OPS_PORT", PORT, 9090),
    workers:
      reader.text("SLUICE_WORKERS") === "auto" ? "auto" : (reader.integer("SLUICE_WORKERS", WORKERS, null) ?? "auto"),
    database: readDatabase(reader),
    pool: readPool(reader, profile),
    redis: readRedis(reader),
    idSecret: secretOrDefault(reader, "SLUICE_ID_SECRET"),
    snapshotKey: secretOrDefault(reader, "SLUICE_SNAPSHOT_KEY"),
    checkDeadlineMs: reader.integer("SLUICE_CHECK_DEADLINE_MS", CHECK_DEADLINE, 8),
    fallback: reader.choice("SLUICE_FALLBACK", FALLBACK_MODES, "ALLOW_ALL"),
    quotaStatus: reader.choice("SLUICE_QUOTA_STATUS", ["429", "403"], "429") === "403" ? 403 : 429,
    maxUsers: reader.integer("SLUICE_MAX_USERS", USERS, 100_000),
    defaultTimeZone: readTimeZone(reader),
    snapshotIntervalMs: reader.integer("SLUICE_SNAPSHOT_INTERVAL_MS", INTERVAL, 5_000),
    policyFile: readPolicyFile(reader),
    tls: readTls(reader),
    trustedProxies: readTrustedProxies(reader),
    serviceAuth: readServiceAuth(reader, profile === "dev" ? "none" : "credential"),
    ops: {
      scrapeCredential: reader.longSecret("SLUICE_SCRAPE_CREDENTIAL", LEAST_CREDENTIAL_LENGTH),
      mtls: reader.flag("SLUICE_OPS_MTLS"),
    },
    firstAdmin: readFirstAdmin(reader, demo),
    jwt: readJwt(reader),
    audit: readAudit(reader, profile),
    retention: readRetention(reader),
    shutdownMs: reader.integer("SLUICE_SHUTDOWN_MS", INTERVAL, 5_000),
    // In development nobody looks, and Ctrl-C should not take two seconds.
    drainDelayMs: reader.integer("SLUICE_DRAIN_DELAY_MS", DRAIN_DELAY, profile === "dev" ? 0 : DEFAULT_DRAIN_DELAY_MS),
  };
}

function secretOrDefault(reader: ConfigReader, variable: keyof typeof DEFAULT_SECRETS): Secret {
  return reader.longSecret(variable, LEAST_SECRET_LENGTH) ?? new Secret(DEFAULT_SECRETS[variable]);
}

function readTimeZone(reader: ConfigReader): string {
  const variable = "SLUICE_DEFAULT_TIME_ZONE";
  const timeZone = reader.text(variable) ?? "UTC";
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone);
    return timeZone;
  } catch {
    reader.fault(variable, `is ${JSON.stringify(timeZone)}`, "use an IANA name like Asia/Seoul");
    return "UTC";
  }
}

function readPolicyFile(reader: ConfigReader): Config["policyFile"] {
  const path = reader.text("SLUICE_POLICY_FILE");
  const force = reader.flag("SLUICE_POLICY_FILE_FORCE");
  if (path !== null) return { path, force };
  if (force)
    reader.fault(
      "SLUICE_POLICY_FILE_FORCE",
      "is 1, but there is no policy file",
      "set SLUICE_POLICY_FILE, or unset it",
    );
  return null;
}

function readFirstAdmin(reader: ConfigReader, demo: boolean): Config["firstAdmin"] {
  const login = reader.text("SLUICE_ADMIN_LOGIN");
  const password = reader.longSecret("SLUICE_ADMIN_PASSWORD", LEAST_PASSWORD_LENGTH);
  if (login !== null && password !== null) return { login, password };
  if (login === null && password === null && demo) {
    return { login: DEMO_ADMIN.login, password: new Secret(DEMO_ADMIN.password) };
  }
  if (login !== null || password !== null) {
    const missing = login === null ? "SLUICE_ADMIN_LOGIN" : "SLUICE_ADMIN_PASSWORD";
    reader.fault(missing, "is missing, while its other half is set", "set both for the first admin, or neither");
  }
  return null;
}

function freeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
