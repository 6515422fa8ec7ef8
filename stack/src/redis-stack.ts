// The Redis Cluster of the stack: three masters and a replica for each, from the templates of `deploy/redis`.
//
// Promise: the users of users.acl are in force, with TLS or without; only the commands of tests themselves go as a user
// who may do everything, which the templates do not know. Every node keeps its port and folder whatever befalls it.
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Certificates } from "../../service/test/certificates.ts";
import { type RedisCluster, type RedisNode, startCluster } from "../../service/test/redis.ts";
import { clockEnvironment, moveClock } from "./movable-clock.ts";
import type { NetworkPlace } from "./network.ts";
import { renderTemplate } from "./template.ts";

export type RedisServer = Readonly<{
  /** `redis-1` to `redis-6`; the first three begin as masters, `redis-4` as the replica of `redis-1`, and so on. */
  name: string;
  /** `host:port` */
  address: string;
  dataFolder: string;
  pid: () => number;
  isRunning: () => boolean;
  /** Sends one command as a user who may do everything; throws on an error reply, and after 5 s. */
  command: RedisNode["command"];
  /** SIGKILL. */
  kill: () => Promise<void>;
  /** SIGTERM: it ends as it does for maintenance. */
  terminate: () => Promise<void>;
  /** SIGSTOP and SIGCONT. */
  freeze: () => void;
  thaw: () => void;
  /** Of the machine's clock, from now on and over its lives; only where the stack was asked for movable clocks. */
  setClockAhead: (aheadMs: number) => Promise<void>;
  /** Same port, same folder. Resolves when it has loaded its data; throws what it said when it ends instead. */
  start: () => Promise<void>;
}>;

export type RedisUser = "service" | "operator";

export type RedisStack = Readonly<{
  nodes: readonly RedisServer[];
  /** The variables SLUICE_REDIS_* with which a process comes in as this user. */
  environmentOf: (user: RedisUser) => Readonly<Record<string, string>>;
  /** The owner of the tenant's slot now. */
  masterOf: (tenant: string) => Promise<RedisServer>;
  /** Which follows this master now. */
  replicaOf: (master: RedisServer) => Promise<RedisServer>;
  /** Resolves when every running node says ok and all agree on who owns what. */
  settled: (timeoutMs?: number) => Promise<void>;
  stop: () => Promise<void>;
}>;

export type RedisStackOptions = Readonly<{
  /** Gets a folder for each node; stays. */
  folder: string;
  certificates: Certificates | null;
  /** Further settings, over those of the template. */
  settings: Readonly<Record<string, string>>;
  /** Makes every node slower at asking for the time. */
  movableClocks?: boolean;
  /** Where each node is; all on 127.0.0.1 when absent. */
  placeOf?: (machine: string) => NetworkPlace;
}>;

/** Far more than a rehearsal counts; small enough for six of them on a small machine. */
const MAX_MEMORY = "256mb";

export async function startRedisStack(options: RedisStackOptions): Promise<RedisStack> {
  const { folder, certificates, settings, movableClocks = false, placeOf } = options;
  const passwords = { service: newPassword(), operator: newPassword(), replication: newPassword() };
  const connecting = (port: number) =>
    certificates === null
      ? `port ${port}\n`
      : renderTemplate("redis/tls.conf", {
          PORT: port,
          CA_FILE: certificates.caFile,
          CERTIFICATE_FILE: certificates.serverCertFile,
          KEY_FILE: certificates.serverKeyFile,
        });
  const cluster = await startCluster({
    folder,
    ...(certificates === null ? {} : { tls: certificates }),
    acl: accessList(passwords),
    ...(placeOf !== undefined && { placeOf }),
    ...(movableClocks && { environment: (place) => clockEnvironment(clockFileIn(place.folder)) }),
    configuration: (place) =>
      [
        renderTemplate("redis/redis.conf", { BIND: place.address, FOLDER: place.folder, MAX_MEMORY }),
        connecting(place.port),
        renderTemplate("redis/access.conf", {
          FOLDER: place.folder,
          REPLICATION_PASSWORD: passwords.replication,
        }),
        ...Object.entries(settings).map(([name, value]) => `${name} ${value}\n`),
      ].join("\n"),
  });
  const servers = cluster.nodes.map((node, index) => serverOf(node, `redis-${index + 1}`, movableClocks));
  const serverAt = (port: number) => {
    const server = servers[cluster.nodes.findIndex((node) => node.port === port)];
    if (server === undefined) throw new Error(`No node of the stack has port ${port}.`);
    return server;
  };
  return {
    nodes: servers,
    environmentOf: (user) => ({
      SLUICE_REDIS_URL: cluster.url,
      SLUICE_REDIS_USERNAME: user,
      SLUICE_REDIS_PASSWORD: passwords[user],
      ...(certificates !== null && {
        SLUICE_REDIS_TLS_CA_FILE: certificates.caFile,
        SLUICE_REDIS_TLS_CERT_FILE: certificates.clientCertFile,
        SLUICE_REDIS_TLS_KEY_FILE: certificates.clientKeyFile,
      }),
    }),
    masterOf: async (tenant) => serverAt((await cluster.ownerOfKey(`{${tenant}}`)).port),
    replicaOf: async (master) => serverAt(await replicaPortOf(cluster, master)),
    settled: cluster.settled,
    stop: cluster.stop,
  };
}

/** As the master sees it: the first that is connected to it. */
async function replicaPortOf(cluster: RedisCluster, master: RedisServer): Promise<number> {
  const info = String(await master.command("INFO", "replication"));
  const port = Number(/^slave\d+:ip=[^,]*,port=(\d+),/m.exec(info)?.[1]);
  if (!cluster.nodes.some((node) => node.port === port)) throw new Error(`${master.name} has no replica now.`);
  return port;
}

function serverOf(node: RedisNode, name: string, movableClocks: boolean): RedisServer {
  const { command, pid, isRunning, kill, freeze, thaw } = node;
  return {
    name,
    address: `${node.host}:${node.port}`,
    dataFolder: node.folder,
    pid,
    isRunning,
    command,
    kill,
    terminate: node.stop,
    freeze,
    thaw,
    setClockAhead: async (aheadMs) => {
      if (!movableClocks) throw new Error(`The clock of ${name} stands fast: start the stack with movableClocks.`);
      await moveClock(clockFileIn(node.folder), aheadMs);
    },
    start: node.restart,
  };
}

function clockFileIn(folder: string): string {
  return join(folder, "clock");
}

/** redis-server knows no comments in it. */
function accessList(passwords: Readonly<Record<RedisUser | "replication", string>>): string[] {
  const list = renderTemplate("redis/users.acl", {
    SERVICE_PASSWORD_SHA256: sha256(passwords.service),
    OPERATOR_PASSWORD_SHA256: sha256(passwords.operator),
    REPLICATION_PASSWORD_SHA256: sha256(passwords.replication),
  });
  return list.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

function newPassword(): string {
  return randomBytes(24).toString("base64url");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
