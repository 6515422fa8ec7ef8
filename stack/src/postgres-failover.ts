// A PostgreSQL that fails over, on one host: a monitor, a primary and a synchronous standby by pg_auto_failover, each on
// a machine of its own that can be killed or frozen as a whole.
//
// Promise: a commit is on both data nodes when `startPostgresFailover` returns; nothing outlives this process.
// Not here: how long a promotion takes, and what to do when it does not come (docs/runbooks/postgres-failover.md).
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { claimPorts } from "../../service/test/ports.ts";
import { giveToServerUser, run } from "../../service/test/postgres.ts";
import { findPostgresFolder } from "../../service/test/programs.ts";
import { waitFor } from "../../service/test/wait.ts";
import { LOOPBACK } from "./network.ts";
import { createDataNode, createMonitor, type NodePlace } from "./postgres-node.ts";
import type { Machine } from "./postgres-node-machine.ts";
import {
  bringUpToDate,
  createDatabase,
  DATABASE,
  OWNER_ROLE,
  type PostgresServer,
  type PostgresStack,
  type PostgresStackOptions,
  SERVICE_ROLE,
} from "./postgres-stack.ts";

const MONITOR = "postgres-monitor";
const ANSWER_TIMEOUT_MS = 20_000;
const SETTLE_TIMEOUT_MS = 60_000;

/** As the monitor sees it: what it reported last, what it is told to become, and whether it answers. */
export type NodeState = Readonly<{ name: string; reported: string; goal: string; isHealthy: boolean }>;

export type FailoverNode = PostgresServer &
  Readonly<{
    /** SIGKILL of PostgreSQL alone; the keeper restarts it. */
    killPostmaster: () => Promise<void>;
    state: () => Promise<NodeState>;
  }>;

export type PostgresFailover = Omit<PostgresStack, "nodes" | "primary"> &
  Readonly<{
    nodes: readonly FailoverNode[];
    primary: () => Promise<FailoverNode>;
    monitor: PostgresServer;
    /** Resolves when one node is the primary and the other its synchronous standby. */
    settled: () => Promise<void>;
  }>;

export async function startPostgresFailover(options: PostgresStackOptions): Promise<PostgresFailover> {
  const programs = findPostgresFolder();
  if (programs === null) throw new Error("PostgreSQL is not installed: run `npm test` as root on Debian or Ubuntu.");
  const socketFolder = join(options.folder, "sockets");
  await mkdir(socketFolder, { recursive: true });
  await giveToServerUser(socketFolder);
  const networkOf = options.placeOf ?? (() => LOOPBACK);
  const [monitorPort, ...ports] = await claimPorts(3);
  if (monitorPort === undefined) throw new Error("No port was claimed for the monitor.");
  const passwords = { monitor: newPassword(), replicator: newPassword(), clients: newPassword() };
  const placeOf = (name: string, port: number): NodePlace => {
    const { certificates } = options;
    const folder = join(options.folder, name);
    const monitorAddress = `${networkOf(MONITOR).address}:${monitorPort}`;
    const place = { name, folder, socketFolder, programs, network: networkOf(name) };
    return { ...place, port, monitorAddress, passwords, certificates };
  };
  const started: Machine[] = [];
  const start = async (place: NodePlace, machine: Machine) => {
    started.push(machine);
    await startAndAnswer(place, machine);
    return machine;
  };
  const stop = async () => {
    await Promise.all(started.map((machine) => machine.kill()));
  };
  try {
    const monitorPlace = placeOf(MONITOR, monitorPort);
    const monitorMachine = await start(monitorPlace, await createMonitor(monitorPlace));
    await asSuperuser(monitorPlace, `alter user autoctl_node password '${passwords.monitor}'`, "pg_auto_failover");
    const monitor = serverOf(monitorPlace, monitorMachine);
    const states = () => statesOf(monitorPlace);

    const nodes: FailoverNode[] = [];
    const places: NodePlace[] = [];
    for (const [index, port] of ports.entries()) {
      const place = placeOf(`postgres-${index + 1}`, port);
      const isFirst = index === 0;
      const machine = await start(place, await createDataNode(place, isFirst ? "nothing" : "primary"));
      if (isFirst) {
        await asSuperuser(place, `alter user pgautofailover_replicator password '${passwords.replicator}'`);
      }
      places.push(place);
      nodes.push(dataNodeOf(place, machine, states));
    }
    const settled = async () => {
      await waitFor("a primary with its synchronous standby", async () => isSettled(await states()), SETTLE_TIMEOUT_MS);
    };
    await settled();
    const primaryPlace = () => waitFor("a node that takes writes", () => writableAmong(places), SETTLE_TIMEOUT_MS);
    const sql = async (text: string, values: unknown[] = []) =>
      await asSuperuser(await primaryPlace(), text, DATABASE, values);
    await createUsers(await primaryPlace());
    const urlAs = (role: string) => urlOf(role, passwords.clients, places);
    await bringUpToDate(urlAs(OWNER_ROLE));
    const primary = async () => {
      const place = await primaryPlace();
      const node = nodes[places.indexOf(place)];
      if (node === undefined) throw new Error(`There is no node at port ${place.port}.`);
      return node;
    };
    const urls = { url: urlAs(SERVICE_ROLE), ownerUrl: urlAs(OWNER_ROLE) };
    return { nodes, monitor, primary, settled, sql, ...urls, stop };
  } catch (fault) {
    const said = started.map((machine) => machine.output()).join("\n");
    await stop();
    throw new Error(`PostgreSQL with its standby did not come up. The keepers said:\n${said}`, { cause: fault });
  }
}

async function startAndAnswer(place: NodePlace, machine: Machine): Promise<void> {
  await machine.start();
  const answers = () => asSuperuser(place, "select 1");
  await waitFor(`${place.name} on port ${place.port}`, answers, ANSWER_TIMEOUT_MS);
}

function serverOf(place: NodePlace, machine: Machine): PostgresServer {
  return {
    name: place.name,
    address: addressOf(place),
    dataFolder: machine.dataFolder,
    pid: machine.postmaster,
    isRunning: machine.isRunning,
    kill: machine.kill,
    freeze: machine.freeze,
    thaw: machine.thaw,
    start: () => startAndAnswer(place, machine),
  };
}

function addressOf({ network, port }: NodePlace): string {
  return `${network.address}:${port}`;
}

function dataNodeOf(place: NodePlace, machine: Machine, states: () => Promise<readonly NodeState[]>): FailoverNode {
  return {
    ...serverOf(place, machine),
    killPostmaster: machine.killPostmaster,
    state: async () => {
      const state = (await states()).find(({ name }) => name === place.name);
      if (state === undefined) throw new Error(`The monitor knows no ${place.name}.`);
      return state;
    },
  };
}

async function statesOf(monitor: NodePlace): Promise<NodeState[]> {
  const asked = `select nodename, reportedstate::text, goalstate::text, health from pgautofailover.node order by nodeid`;
  const rows = await asSuperuser(monitor, asked, "pg_auto_failover");
  return rows.map(({ nodename, reportedstate, goalstate, health }) => ({
    name: String(nodename),
    reported: String(reportedstate),
    goal: String(goalstate),
    isHealthy: health === 1,
  }));
}

function isSettled(states: readonly NodeState[]): boolean {
  const are = (role: string) => states.filter(({ reported, goal }) => reported === role && goal === role).length;
  return are("primary") === 1 && are("secondary") === states.length - 1;
}

async function writableAmong(places: readonly NodePlace[]): Promise<NodePlace | null> {
  const asked = await Promise.all(
    places.map(async (place) => {
      const rows = await asSuperuser(place, "select not pg_is_in_recovery() as takes_writes").catch(() => []);
      return rows[0]?.takes_writes === true ? place : null;
    }),
  );
  return asked.find((place) => place !== null) ?? null;
}

async function createUsers(primary: NodePlace): Promise<void> {
  await createDatabase((text) => asSuperuser(primary, text));
  for (const role of [OWNER_ROLE, SERVICE_ROLE]) {
    await asSuperuser(primary, `alter user ${role} password '${primary.passwords.clients}'`);
  }
}

function urlOf(role: string, password: string, places: readonly NodePlace[]): string {
  const hosts = places.map(addressOf).join(",");
  const caFile = places[0]?.certificates?.caFile;
  const verified = caFile === undefined ? "" : `&sslmode=verify-full&sslrootcert=${encodeURIComponent(caFile)}`;
  return `postgresql://${role}:${password}@${hosts}/${DATABASE}?target_session_attrs=read-write${verified}`;
}

/** Over the socket of one node: its superuser cannot come in from the network. */
function asSuperuser({ port, socketFolder }: NodePlace, text: string, database = "postgres", values: unknown[] = []) {
  return run(
    `postgres://postgres@localhost:${port}/${database}?host=${encodeURIComponent(socketFolder)}`,
    text,
    values,
  );
}

function newPassword(): string {
  return randomBytes(18).toString("base64url");
}
