// The environment of every instance of a stack: where the stores are, how to prove itself to them, and its secrets.
// Not here: what differs from instance to instance, ports and folder (service-instance.ts).
import { type PostgresStack, SERVICE_ROLE } from "./postgres-stack.ts";
import type { RedisStack } from "./redis-stack.ts";
import type { StackSecrets } from "./secrets.ts";

/** `prod` insists on TLS, on credentials of callers, and on a schema that somebody else brought up to date. */
export type Profile = "dev" | "prod";

export type EnvironmentParts = Readonly<{
  profile: Profile;
  instances: number;
  workers: number;
  redis: RedisStack;
  postgres: PostgresStack;
  secrets: StackSecrets;
}>;

/** The most that a profile `dev`, and the least that `prod`, may have of them: both fit into one server of the stack. */
const DATABASE_CONNECTIONS: Readonly<Record<Profile, number>> = { dev: 40, prod: 80 };

export function environmentOf(parts: EnvironmentParts): Readonly<Record<string, string>> {
  const { profile, instances, redis, postgres, secrets } = parts;
  return {
    SLUICE_PROFILE: profile,
    SLUICE_WORKERS: String(parts.workers),
    SLUICE_SERVICE_AUTH: profile === "prod" ? "credential" : "none",
    SLUICE_DATABASE_URL: postgres.url,
    SLUICE_DATABASE_POOL_TOTAL: String(DATABASE_CONNECTIONS[profile]),
    // As many again come when each is replaced by a new one before it goes.
    SLUICE_MAX_REPLICAS: String(profile === "prod" ? 2 * instances : instances),
    // `dev` migrates as it starts, with the rights of the owner.
    ...(profile === "dev" && {
      SLUICE_MIGRATE_DATABASE_URL: postgres.ownerUrl,
      SLUICE_SERVICE_DATABASE_ROLE: SERVICE_ROLE,
    }),
    ...redis.environmentOf("service"),
    // The balancer says who asks.
    SLUICE_TRUSTED_PROXIES: "127.0.0.1/32",
    ...secrets.environment,
  };
}
