// The whole topology on 127.0.0.1, from the templates of `deploy/`: a Redis Cluster of six, PostgreSQL, instances of the
// service, and a balancer before them. What rehearses faults starts here.
//
// Promise: everything works together when `startStack` returns; `close` leaves no process, port or temporary folder
// behind, whatever was killed or frozen in between; nothing outlives this process.
// Not here: what one part is made of (redis-stack.ts, postgres-stack.ts, service-instance.ts, balancer.ts).
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PolicySet } from "@sluice/service/policies/policy-set.ts";
import { type Certificates, makeCertificates } from "../../service/test/certificates.ts";
import { putPolicySet } from "../../service/test/stack.ts";
import { waitFor } from "../../service/test/wait.ts";
import { type Balancer, startBalancer } from "./balancer.ts";
import { environmentOf, type Profile } from "./environment.ts";
import { LOOPBACK, type Network, startNetwork } from "./network.ts";
import { type PostgresFailover, startPostgresFailover } from "./postgres-failover.ts";
import { type PostgresStack, type PostgresStackOptions, startSinglePostgres } from "./postgres-stack.ts";
import { type RedisStack, startRedisStack } from "./redis-stack.ts";
import { makeSecrets, type StackSecrets } from "./secrets.ts";
import { type ServiceInstance, startInstance } from "./service-instance.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";

export type StackOptions = Readonly<{
  /** Gets everything and stays; a temporary one, removed by `close`, when absent. */
  folder?: string;
  /** Processes of the service, 3 when absent. */
  instances?: number;
  /** Of each instance, 1 when absent. */
  workers?: number;
  /** One server when absent. */
  postgres?: "single" | "auto_failover";
  /** TLS everywhere between processes, and the profile `prod`; otherwise `dev` over plain connections, which is faster. */
  tls?: boolean;
  /** Further settings of Redis, over those of the template. */
  redisConfig?: Readonly<Record<string, string>>;
  /** Lets the clocks of Redis be moved. Needs libfaketime. */
  movableClocks?: boolean;
  /** Of every instance, over what the stack sets. */
  environment?: Readonly<Record<string, string>>;
  /**
   * Each node and each instance on a machine of its own, in a network whose links can be cut. The balancer stays on the
   * host, and reaches all of them. Without TLS only, and with PostgreSQL that fails over. Needs root.
   */
  network?: boolean;
  /** What keeps its data on a disk that can be filled. Needs root. */
  smallDisks?: readonly SmallDiskPlace[];
}>;

/** Folders of the stack: a node of Redis, or all that is PostgreSQL's. */
export type SmallDiskName = `redis-${number}` | "postgres";
export type SmallDiskPlace = Readonly<{ name: SmallDiskName; sizeMiB: number }>;

export type RunningStack = Readonly<{
  folder: string;
  redis: RedisStack;
  postgres: PostgresStack;
  /** The same PostgreSQL with its monitor and the states of its nodes; null when it is one server. */
  failover: PostgresFailover | null;
  instances: readonly ServiceInstance[];
  balancer: Balancer;
  /** Its machines are named as the nodes and instances are; null without `network`. */
  network: Network | null;
  /** Of `smallDisks`. */
  diskOf: (name: SmallDiskName) => SmallDisk;
  /** Of everything that speaks TLS; null without `tls`. */
  certificates: Certificates | null;
  secrets: StackSecrets;
  /** What a check must carry to be answered. */
  checkHeaders: Readonly<Record<string, string>>;
  /** Puts plans, tenants and policies in one transaction; the version it published. */
  put: (policies: Partial<PolicySet>) => Promise<number>;
  /** Resolves when every running instance answers from this version or a later one. */
  inForce: (version: number) => Promise<void>;
  close: () => Promise<void>;
}>;

const DEFAULT_INSTANCES = 3;
const IN_FORCE_MS = 30_000;
const REDIS_MACHINES = ["redis-1", "redis-2", "redis-3", "redis-4", "redis-5", "redis-6"];
const POSTGRES_MACHINES = ["postgres-monitor", "postgres-1", "postgres-2"];

export async function startStack(options: StackOptions = {}): Promise<RunningStack> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "sluice-stack-")));
  const ending: (() => Promise<unknown>)[] = [];
  if (options.folder === undefined) ending.push(() => rm(folder, { recursive: true, force: true }));
  const close = async () => {
    for (const end of ending.splice(0).reverse()) await end();
  };
  try {
    return { ...(await startParts(options, folder, (end) => ending.push(end))), folder, close };
  } catch (fault) {
    await close();
    throw fault;
  }
}

async function startParts(options: StackOptions, folder: string, atEnd: (end: () => Promise<unknown>) => void) {
  const place = async (name: string) => {
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    return path;
  };
  await mkdir(folder, { recursive: true });
  // PostgreSQL runs as a user of its own, who must get as far as its own folder.
  await chmod(folder, 0o711);
  const certificates = options.tls ? await makeCertificates(await place("certificates")) : null;
  const secrets = makeSecrets();

  const disks = await mountDisks(options.smallDisks ?? [], folder, atEnd);
  const network = options.network ? await startMachines(options, atEnd) : null;
  const places = network === null ? {} : { placeOf: network.placeOf };
  const keepStore = endedTogether(atEnd);
  const [redis, postgres] = await allStarted([
    startRedisStack({
      folder,
      certificates,
      settings: options.redisConfig ?? {},
      ...(options.movableClocks && { movableClocks: true }),
      ...places,
    }).then(keepStore),
    startPostgres(options.postgres, { folder: await place("postgres"), certificates, ...places }).then(keepStore),
  ]);

  const count = countOf(options);
  const profile: Profile = options.tls ? "prod" : "dev";
  const environment = {
    ...environmentOf({ profile, instances: count, workers: options.workers ?? 1, redis, postgres, secrets }),
    ...options.environment,
  };
  const checkHeaders: Record<string, string> = options.tls ? { "x-service-auth": secrets.serviceCredential } : {};
  const scrapeHeaders = { authorization: `Bearer ${secrets.scrapeCredential}` };
  const keepInstance = endedTogether(atEnd);
  const instances = await allStarted(
    Array.from({ length: count }, async (_, index) => {
      const name = instanceName(index);
      const parts = { name, dataFolder: await place(name), network: network?.placeOf(name) ?? LOOPBACK };
      return keepInstance(await startInstance({ ...parts, environment, checkHeaders, scrapeHeaders }));
    }),
  );
  const balancer = endedTogether(atEnd)(await startBalancer(await place("haproxy"), instances));
  return {
    redis,
    postgres,
    failover: "monitor" in postgres ? postgres : null,
    instances,
    balancer,
    network,
    diskOf: (name: SmallDiskName) => {
      const disk = disks.get(name);
      if (disk === undefined) throw new Error(`${name} has no small disk: name it in smallDisks.`);
      return disk;
    },
    certificates,
    secrets,
    checkHeaders,
    put: (policies: Partial<PolicySet>) => putPolicySet(postgres.ownerUrl, policies),
    inForce: (version: number) => inForce(instances, version),
  };
}

async function startMachines(options: StackOptions, atEnd: (end: () => Promise<unknown>) => void): Promise<Network> {
  if (options.tls || options.postgres !== "auto_failover") {
    throw new Error("A stack with a network is one without TLS, whose PostgreSQL is auto_failover: set it so.");
  }
  const instances = Array.from({ length: countOf(options) }, (_, index) => instanceName(index));
  const network = await startNetwork([...REDIS_MACHINES, ...POSTGRES_MACHINES, ...instances]);
  atEnd(network.stop);
  return network;
}

function countOf({ instances = DEFAULT_INSTANCES }: StackOptions): number {
  return instances;
}

function instanceName(index: number): string {
  return `instance-${index + 1}`;
}

async function mountDisks(
  places: readonly SmallDiskPlace[],
  folder: string,
  atEnd: (end: () => Promise<unknown>) => void,
): Promise<ReadonlyMap<string, SmallDisk>> {
  const disks = new Map<string, SmallDisk>();
  for (const { name, sizeMiB } of places) {
    const disk = await mountSmallDisk(join(folder, name), sizeMiB);
    atEnd(disk.unmount);
    disks.set(name, disk);
  }
  return disks;
}

async function startPostgres(
  kind: StackOptions["postgres"],
  options: PostgresStackOptions,
): Promise<PostgresStack | PostgresFailover> {
  return kind === "auto_failover" ? await startPostgresFailover(options) : await startSinglePostgres(options);
}

/** Whatever goes through the result is stopped at the end, all of it at once. */
function endedTogether(atEnd: (end: () => Promise<unknown>) => void) {
  const started: Readonly<{ stop: () => Promise<void> }>[] = [];
  atEnd(() => Promise.all(started.map((part) => part.stop())));
  return <T extends (typeof started)[number]>(part: T): T => {
    started.push(part);
    return part;
  };
}

/** Throws only when each has started or failed, so that nothing starts behind the back of the end. */
async function allStarted<T extends readonly unknown[] | []>(starts: T) {
  await Promise.allSettled(starts);
  return await Promise.all(starts);
}

/** Asked without a counter: an unknown tenant is answered from the policies alone. */
async function inForce(instances: readonly ServiceInstance[], version: number): Promise<void> {
  const question = { tenantId: "nobody", apiPath: "/", httpMethod: "GET", cost: 0 };
  const holds = async (instance: ServiceInstance) => (await instance.ask(question)).policyVersion >= version;
  await Promise.all(
    instances
      .filter((instance) => instance.isRunning())
      .map((instance) => waitFor(`version ${version} is in force`, () => holds(instance), IN_FORCE_MS)),
  );
}
