// Which Redis and PostgreSQL a command works on: the service's own settings, from the environment, with those that the
// command line gives in their place.
import { readFileSync } from "node:fs";
import { ConfigReader } from "@sluice/service/config-reader.ts";
import { type DatabaseConfig, type RedisConfig, readDatabase, readRedis } from "@sluice/service/config-stores.ts";
import type { PostgresOptions } from "@sluice/service/platform/postgres.ts";
import { CommandFailure, EXIT } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

export type Stores = Readonly<{ redis: RedisConfig; database: DatabaseConfig }>;

/** Throws a usage failure that names every faulty setting. */
export function readStores(environment: Terminal["environment"], given: Terminal["environment"]): Stores {
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const reader = new ConfigReader({ ...environment, ...present }, (path) => readFileSync(path, "utf8"));
  const stores = { redis: readRedis(reader), database: readDatabase(reader) };
  if (reader.faults.length === 0) return stores;
  const faults = reader.faults.map(({ variable, problem, fix }) => `  ${variable} ${problem}: ${fix}`);
  throw new CommandFailure(EXIT.usage, `Settings are faulty.\n${faults.join("\n")}`);
}

/** As the service connects, or as the owner role where one is set for migrations. */
export function postgresOptions(
  database: Extract<DatabaseConfig, { kind: "postgres" }>,
  role: "service" | "owner",
): PostgresOptions {
  const secret = role === "owner" ? (database.migrateUrl ?? database.url) : database.url;
  return {
    url: secret.reveal(),
    applicationName: "sluice-cli",
    ...(database.tlsCa !== null && { tls: { ca: database.tlsCa } }),
  };
}
