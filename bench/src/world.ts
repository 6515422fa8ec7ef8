// The servers of one scenario: a private redis-server, a private PostgreSQL, the load generator, and what is asked for.
// All are processes of their own on 127.0.0.1, and all end with the scenario.
import { startPostgres } from "../../service/test/postgres.ts";
import { startRedis } from "../../service/test/redis-node.ts";
import { putBenchPolicies, type ScopeCount, tenantId } from "./bench-policies.ts";
import { type Generator, startGenerator } from "./generator/generator.ts";
import { checkBody } from "./requests.ts";
import { type Child, startChild } from "./servers/child.ts";
import { type BenchService, type ServiceSettings, startService, UNHURRIED } from "./servers/service.ts";

type Postgres = Awaited<ReturnType<typeof startPostgres>>;
type Redis = Awaited<ReturnType<typeof startRedis>>;

export type World = Readonly<{
  redis: Redis;
  generator: Generator;
  /** Starts when it is first asked for. */
  postgres: () => Promise<Postgres>;
  /** A service that knows `count` tenants for each number of scopes; see bench-policies.ts. */
  service: (scopeCounts: readonly ScopeCount[], count: number, settings?: ServiceSettings) => Promise<BenchService>;
  /** A program of the bench that answers messages. */
  child: (program: URL, nodeArguments?: readonly string[]) => Promise<Child>;
  /** Of every process of this world and the bench itself. */
  pids: () => readonly number[];
  close: () => Promise<void>;
}>;

/** `profile` is a folder for CPU profiles of services, or null. */
export async function openWorld(profile: string | null): Promise<World> {
  const closing: (() => Promise<void>)[] = [];
  const pids = [() => process.pid];
  const own = <Part extends { stop: () => Promise<void> }>(part: Part, pid: () => number): Part => {
    closing.push(part.stop);
    pids.push(pid);
    return part;
  };
  const close = async () => {
    for (const stop of closing.reverse()) await stop();
  };
  try {
    const redis = await startRedis({ args: ["--enable-debug-command", "local"] });
    own(redis, redis.pid);
    const generator = await startGenerator();
    own(generator, () => generator.pid);
    let starting: Promise<Postgres> | null = null;
    const postgres = () => {
      starting ??= startPostgres().then((server) => own(server, server.pid));
      return starting;
    };
    return {
      redis,
      generator,
      postgres,
      service: async (scopeCounts, count, settings = UNHURRIED) => {
        const databaseUrl = await (await postgres()).migratedDatabase();
        await putBenchPolicies(databaseUrl, scopeCounts, count);
        const firstCheck = checkBody(tenantId(scopeCounts[0] ?? 1, 0));
        const service = await startService({ ...settings, databaseUrl, redisUrl: redis.url, profile }, firstCheck);
        return own(service, () => service.pid);
      },
      child: async (program, nodeArguments = []) => {
        const child = await startChild(program, nodeArguments);
        return own(child, () => child.pid);
      },
      pids: () => pids.map((pid) => pid()),
      close,
    };
  } catch (fault) {
    await close();
    throw fault;
  }
}
