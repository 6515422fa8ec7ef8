import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { newTokenKeyPem } from "./auth/token-keys.ts";
import { type Config, readConfig } from "./config.ts";
import { describeFaults, type Environment } from "./config-reader.ts";

const FILES: Readonly<Record<string, string>> = {
  "/run/secrets/id": "0123456789abcdef0123456789abcdef\n",
  "/run/secrets/empty": "\n",
  "/run/pool/total": "100\n",
  "/run/pool/replicas": "20\n",
  "/run/secrets/redis": "rediss://:from-a-file@r1:6379,rediss://:from-a-file@r2:6379\n",
};

function read(environment: Environment) {
  return readConfig(environment, (path) => {
    const text = FILES[path];
    if (text === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
    return text;
  });
}

function good(environment: Environment): Config {
  const result = read(environment);
  if (result.kind === "faulty") throw new Error(describeFaults(result.faults));
  return result.config;
}

const RANDOM = "b7f0c2a94d1e4c6f8a35e2d19b04c7f6";

const { privateKey: auditKey } = generateKeyPairSync("ed25519");

const PROD: Environment = {
  SLUICE_PROFILE: "prod",
  SLUICE_DATABASE_URL: "postgresql://sluice:database-password@db:5432/sluice?sslmode=verify-full",
  SLUICE_REDIS_URL: "rediss://app:redis-password@r1:6379,rediss://app:redis-password@r2:6380",
  SLUICE_ADMIN_PORT: "8081",
  SLUICE_ID_SECRET: `${RANDOM}1`,
  SLUICE_SNAPSHOT_KEY: `${RANDOM}2`,
  SLUICE_JWT_PRIVATE_KEYS: newTokenKeyPem(),
  SLUICE_SCRAPE_CREDENTIAL: `${RANDOM}4`,
  SLUICE_AUDIT_SIGNING_KEY: auditKey.export({ type: "pkcs8", format: "pem" }).toString(),
  SLUICE_SERVICE_CREDENTIALS: `${RANDOM}5,${RANDOM}6:acme+globex`,
};

test("an empty environment is the embedded development service", () => {
  expect(good({})).toMatchObject({
    profile: "dev",
    demo: false,
    host: "127.0.0.1",
    port: 8080,
    adminPort: null,
    opsPort: 9090,
    workers: "auto",
    database: { kind: "embedded", dataDir: ".sluice" },
    redis: { kind: "embedded" },
    checkDeadlineMs: 8,
    fallback: "ALLOW_ALL",
    quotaStatus: 429,
    maxUsers: 100_000,
    defaultTimeZone: "UTC",
    snapshotIntervalMs: 5_000,
    policyFile: null,
    tls: null,
    serviceAuth: { kind: "none", credentials: [] },
    shutdownMs: 5_000,
    drainDelayMs: 0,
  });
});

test("a complete prod environment is accepted", () => {
  const config = good(PROD);
  expect(config).toMatchObject({
    profile: "prod",
    host: "0.0.0.0",
    adminPort: 8081,
    redis: {
      seeds: [
        { host: "r1", port: 6379 },
        { host: "r2", port: 6380 },
      ],
      username: "app",
      tls: { ca: null },
    },
    serviceAuth: { kind: "credential", credentials: [{ tenants: null }, { tenants: ["acme", "globex"] }] },
  });
  expect(config.redis.kind === "redis" && config.redis.password?.reveal()).toBe("redis-password");
  expect(config).toMatchObject({ shutdownMs: 5_000, drainDelayMs: 2_000 });
});

test("credentials may all be managed in the database, so the configuration may list none", () => {
  const { SLUICE_SERVICE_CREDENTIALS: _, ...prod } = PROD;
  expect(good(prod).serviceAuth).toEqual({ kind: "credential", credentials: [] });
  expect(good({ ...prod, SLUICE_SERVICE_CREDENTIALS: "" }).serviceAuth.credentials).toEqual([]);
});

test("the drain may take up to half of the end", () => {
  expect(good({ SLUICE_DRAIN_DELAY_MS: "60000", SLUICE_SHUTDOWN_MS: "120000" }).drainDelayMs).toBe(60_000);
  expect(good({ ...PROD, SLUICE_DRAIN_DELAY_MS: "0", SLUICE_SHUTDOWN_MS: "100" }).drainDelayMs).toBe(0);
});

test("no secret is seen when the configuration is printed", () => {
  const printed = JSON.stringify(good(PROD));
  for (const secret of [RANDOM, "database-password", "redis-password", "PRIVATE KEY"])
    expect(printed).not.toContain(secret);
});

test("the configuration is frozen to its last part", () => {
  const config = good(PROD);
  for (const part of [
    config,
    config.database,
    config.serviceAuth.credentials,
    config.serviceAuth.credentials[1]?.tenants,
  ]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
});

test("every secret may come from a file, and an IPv6 seed is a host without brackets", () => {
  const config = good({ SLUICE_ID_SECRET_FILE: "/run/secrets/id", SLUICE_REDIS_URL_FILE: "/run/secrets/redis" });
  expect(config.idSecret.reveal()).toBe("0123456789abcdef0123456789abcdef");
  expect(config.redis.kind === "redis" && config.redis.password?.reveal()).toBe("from-a-file");
  expect(good({ SLUICE_REDIS_URL: "redis://[::1]" }).redis).toMatchObject({ seeds: [{ host: "::1", port: 6379 }] });
});

test("a profile's connections are its own, and may come from files", () => {
  expect(good(PROD).pool).toEqual({ total: null, maxReplicas: 10 });
  const files = { SLUICE_DATABASE_POOL_TOTAL_FILE: "/run/pool/total", SLUICE_MAX_REPLICAS_FILE: "/run/pool/replicas" };
  expect(good({ ...PROD, ...files }).pool).toEqual({ total: 100, maxReplicas: 20 });
});

test("a replica for reads has a bound of its own", () => {
  const SLUICE_DATABASE_READ_URL = "postgresql://db-ro/sluice?sslmode=verify-full";
  const { database } = good({ ...PROD, SLUICE_DATABASE_READ_URL, SLUICE_DATABASE_READ_MAX_LAG_MS: "2000" });
  expect(database.kind === "postgres" && database.replica?.maxLagMs).toBe(2_000);
  expect(database.kind === "postgres" && database.replica?.url.reveal()).toBe(SLUICE_DATABASE_READ_URL);
});

test("a variable that nothing reads is told, not refused", () => {
  expect(read({ SLUICE_PROT: "8080", PATH: "/bin" })).toMatchObject({ kind: "ok", unread: ["SLUICE_PROT"] });
});

test("several workers are accepted where both stores are shared", () => {
  const shared = { SLUICE_DATABASE_URL: "postgres://db/sluice", SLUICE_REDIS_URL: "redis://r1" };
  expect(good({ ...shared, SLUICE_WORKERS: "4" }).workers).toBe(4);
  expect(good({ SLUICE_WORKERS: "1" }).workers).toBe(1);
});

const JWT_KEY = newTokenKeyPem();
const P256 = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "pem", type: "pkcs8" });

/** Named after what is broken; config.golden/<name>.txt holds what a person would read. */
const BROKEN: Readonly<Record<string, Environment>> = {
  "prod-with-nothing-set": { SLUICE_PROFILE: "prod" },
  "prod-without-tls-to-stores": {
    ...PROD,
    SLUICE_DATABASE_URL: "postgresql://db/sluice?sslmode=require",
    SLUICE_REDIS_URL: "redis://r1",
  },
  "prod-with-unverified-replica": { ...PROD, SLUICE_DATABASE_READ_URL: "postgresql://db-ro/sluice?sslmode=require" },
  "prod-with-unverified-migration": { ...PROD, SLUICE_MIGRATE_DATABASE_URL: "postgresql://owner@db/sluice" },
  "prod-without-service-authentication": { ...PROD, SLUICE_SERVICE_AUTH: "none" },
  "prod-with-default-secrets": {
    ...PROD,
    SLUICE_ID_SECRET: "sluice-default-id-secret-for-development",
    SLUICE_SNAPSHOT_KEY: "x".repeat(40),
    SLUICE_SERVICE_CREDENTIALS: "sluice-demo-service-credential",
  },
  "prod-with-demo-data": { ...PROD, SLUICE_DEMO: "1" },
  "prod-without-admin-port": { ...PROD, SLUICE_ADMIN_PORT: "" },
  "stage-without-proofs": { SLUICE_PROFILE: "stage", SLUICE_SERVICE_AUTH: "none" },
  "workers-without-redis-and-database": { SLUICE_WORKERS: "4" },
  "workers-without-redis": { SLUICE_WORKERS: "2", SLUICE_DATABASE_URL: "postgres://db/sluice" },
  "numbers-out-of-range": {
    SLUICE_PORT: "tcp://10.1.2.3:8080",
    SLUICE_OPS_PORT: "65536",
    SLUICE_WORKERS: "0",
    SLUICE_CHECK_DEADLINE_MS: "8ms",
    SLUICE_MAX_USERS: "1e5",
    SLUICE_SHUTDOWN_MS: "-1",
    SLUICE_DRAIN_DELAY_MS: "60001",
    SLUICE_USAGE_RETENTION_MONTHS: "0",
    SLUICE_LIMIT_HIT_RETENTION_DAYS: "forever",
  },
  "drain-longer-than-half-of-the-end": { SLUICE_DRAIN_DELAY_MS: "2501" },
  "prod-with-an-end-shorter-than-its-drain": { ...PROD, SLUICE_SHUTDOWN_MS: "3000" },
  "words-that-are-no-choice": {
    SLUICE_PROFILE: "production",
    SLUICE_FALLBACK: "allow_all",
    SLUICE_QUOTA_STATUS: "402",
    SLUICE_DEMO: "yes",
    SLUICE_SERVICE_AUTH: "mTLS",
    SLUICE_DEFAULT_TIME_ZONE: "Asia/Soul",
    SLUICE_LOG_LEVEL: "verbose",
  },
  "prod-with-too-many-connections": { ...PROD, SLUICE_DATABASE_POOL_TOTAL: "121", SLUICE_MAX_REPLICAS: "0" },
  "prod-with-too-few-connections": { ...PROD, SLUICE_DATABASE_POOL_TOTAL: "79" },
  "prod-with-too-many-instances": { ...PROD, SLUICE_MAX_REPLICAS: "50" },
  "prod-with-too-many-workers": { ...PROD, SLUICE_WORKERS: "8", SLUICE_DATABASE_POOL_TOTAL: "100" },
  "prod-with-too-many-of-both": { ...PROD, SLUICE_WORKERS: "60", SLUICE_MAX_REPLICAS: "60" },
  "stage-with-prods-connections": {
    ...PROD,
    SLUICE_PROFILE: "stage",
    SLUICE_DATABASE_POOL_TOTAL: "100",
  },
  "too-many-redis-connections": {
    SLUICE_WORKERS: "101",
    SLUICE_DATABASE_URL: "postgres://db/sluice",
    SLUICE_REDIS_URL: "redis://r1,redis://r2,redis://r3",
  },
  "replica-without-primary": {
    SLUICE_DATABASE_READ_URL: "postgres://db-ro/sluice",
    SLUICE_DATABASE_READ_MAX_LAG_MS: "100",
  },
  "ports-that-collide": { SLUICE_PORT: "8080", SLUICE_ADMIN_PORT: "8080", SLUICE_OPS_PORT: "8080" },
  "addresses-that-are-none": {
    SLUICE_DATABASE_URL: "mysql://root:hunter2@db/sluice",
    SLUICE_REDIS_URL: "redis://:hunter2@r1,r2:6379",
  },
  "database-on-hosts-without-a-choice": {
    SLUICE_DATABASE_URL: "postgresql://u:hunter2@db1,db2:5433/sluice",
    SLUICE_DATABASE_READ_URL: "postgresql://u:hunter2@db1,db1/sluice",
    SLUICE_MIGRATE_DATABASE_URL: "postgresql://u:hunter2@db1,db2/sluice?target_session_attrs=standby",
  },
  "prod-with-addresses-that-are-none": {
    ...PROD,
    SLUICE_WORKERS: "4",
    SLUICE_DATABASE_URL: "db",
    SLUICE_REDIS_URL: "r1:6379",
  },
  "redis-database-other-than-0": { SLUICE_REDIS_URL: "redis://r1/3" },
  "redis-seeds-that-differ": { SLUICE_REDIS_URL: "redis://:hunter2@r1,rediss://:hunter2@r2" },
  "redis-certificate-without-key": { SLUICE_REDIS_URL: "rediss://r1", SLUICE_REDIS_TLS_CERT: "pem" },
  "credentials-that-are-none": {
    SLUICE_SERVICE_AUTH: "credential",
    SLUICE_SERVICE_CREDENTIALS: "hunter2,0123456789abcdef:ac me,0123456789abcdef",
  },
  "credentials-listed-twice": {
    SLUICE_SERVICE_AUTH: "credential",
    SLUICE_SERVICE_CREDENTIALS: "0123456789abcdef:acme,0123456789abcdef",
  },
  "mtls-without-tls": { SLUICE_SERVICE_AUTH: "mtls", SLUICE_OPS_MTLS: "1" },
  "tls-by-half": { SLUICE_TLS_CERT: "pem", SLUICE_TLS_CLIENT_NAMES: "gateway.internal" },
  "secrets-too-short": { SLUICE_ID_SECRET: "hunter2", SLUICE_SCRAPE_CREDENTIAL: "hunter2" },
  "secret-files-that-cannot-be-read": {
    SLUICE_ID_SECRET: RANDOM,
    SLUICE_ID_SECRET_FILE: "/run/secrets/id",
    SLUICE_SNAPSHOT_KEY_FILE: "/run/secrets/absent",
    SLUICE_JWT_PRIVATE_KEYS_FILE: "/run/secrets/empty",
  },
  "audit-key-that-is-none": { SLUICE_AUDIT_SIGNING_KEY: "hunter2" },
  "service-role-without-database": { SLUICE_SERVICE_DATABASE_ROLE: "sluice" },
  "jwt-keys-that-are-no-pem": { SLUICE_JWT_PRIVATE_KEYS: "hunter2" },
  "jwt-keys-of-another-kind": { SLUICE_JWT_PRIVATE_KEYS: `${newTokenKeyPem()}${P256}` },
  "jwt-keys-twice-and-too-many": {
    SLUICE_JWT_PRIVATE_KEYS: `${JWT_KEY}${JWT_KEY}${newTokenKeyPem()}${newTokenKeyPem()}`,
  },
  "first-admin-by-half": { SLUICE_ADMIN_LOGIN: "root" },
  "policy-file-forced-without-one": { SLUICE_POLICY_FILE_FORCE: "1" },
};

test.for(Object.entries(BROKEN))(
  "%s: every fault is told at once, with its fix and without a secret",
  async ([name, environment]) => {
    const result = read(environment);
    if (result.kind === "ok") throw new Error("it was accepted");
    const told = describeFaults(result.faults);
    expect(told).not.toContain("hunter2");
    expect(told).not.toContain(RANDOM);
    await expect(`${told}\n`).toMatchFileSnapshot(`./config.golden/${name}.txt`);
  },
);
