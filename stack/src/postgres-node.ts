// The nodes of a PostgreSQL that fails over, made from the templates of `deploy/postgres`: the monitor, and data nodes.
//
// Promise: made once, with its own superuser out of reach of the network; it listens on its own address alone from its first moment.
// Passwords between the nodes lie in the password file of the system's user, in no connection string.
// Not here: the machine it runs on (postgres-node-machine.ts), who is the primary (postgres-failover.ts).
import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Certificates } from "../../service/test/certificates.ts";
import { giveToServerUser } from "../../service/test/postgres.ts";
import { type Machine, type MachinePlace, prepareMachine } from "./postgres-node-machine.ts";
import { renderTemplate, type TemplateValues } from "./template.ts";

export type NodePlace = MachinePlace &
  Readonly<{
    port: number;
    /** `host:port` */
    monitorAddress: string;
    certificates: Certificates | null;
    passwords: NodePasswords;
  }>;

/** Of the users by which the nodes talk to each other, and of those that come from outside. */
export type NodePasswords = Readonly<{ monitor: string; replicator: string; clients: string }>;

const SHARED_BUFFERS = "64MB";

export async function createMonitor(place: NodePlace): Promise<Machine> {
  const machine = await prepare(place);
  await initialise(machine, place);
  await writeConfiguration(machine, {
    "postgresql.conf": renderTemplate("postgres/monitor.conf", { SOCKET_FOLDER: place.socketFolder }),
    "pg_hba.conf": renderTemplate("postgres/pg_hba.monitor.conf", {
      HOST: hostWord(place),
      NODES_ADDRESS: place.network.neighbours,
    }),
    "pg_ident.conf": renderTemplate("postgres/pg_ident.conf", users()),
  });
  const words = [
    "--pgport",
    String(place.port),
    "--hostname",
    place.network.address,
    "--skip-pg-hba",
    ...tlsWords(place),
  ];
  // Until it is told otherwise, which it can be only afterwards, a monitor listens to all the world.
  await machine.run("pg_autoctl", ["create", "monitor", ...words], { isAlone: true });
  await machine.run("pg_autoctl", ["config", "set", "postgresql.listen_addresses", place.network.address]);
  return machine;
}

/** The first one is made from nothing; each further one is a copy of the primary, which must be running. */
export async function createDataNode(place: NodePlace, from: "nothing" | "primary"): Promise<Machine> {
  const machine = await prepare(place);
  await writePasswords(place);
  if (from === "nothing") {
    await initialise(machine, place);
    await writeConfiguration(machine, dataConfiguration(place));
  }
  const address = [
    "--hostname",
    place.network.address,
    "--listen",
    place.network.address,
    "--pgport",
    String(place.port),
  ];
  const words = ["--name", place.name, ...address, "--username", "postgres", "--skip-pg-hba", ...tlsWords(place)];
  await machine.run("pg_autoctl", ["create", "postgres", ...words, "--monitor", monitorUrl(place)]);
  for (const [name, value] of keeperSettings()) await machine.run("pg_autoctl", ["config", "set", name, value]);
  return machine;
}

async function prepare(place: NodePlace): Promise<Machine> {
  const { certificates, folder } = place;
  await mkdir(folder, { recursive: true });
  if (certificates !== null) {
    // A copy of its own: PostgreSQL refuses a key that belongs to somebody else.
    await copyFile(certificates.serverCertFile, join(folder, "server.crt"));
    await copyFile(certificates.serverKeyFile, join(folder, "server.key"));
  }
  return await prepareMachine(place);
}

function dataConfiguration(place: NodePlace): Readonly<Record<string, string>> {
  return {
    "postgresql.conf": renderTemplate("postgres/postgresql.conf", {
      SOCKET_FOLDER: place.socketFolder,
      SHARED_BUFFERS,
    }),
    "pg_hba.conf": renderTemplate("postgres/pg_hba.conf", {
      HOST: hostWord(place),
      MONITOR_ADDRESS: place.network.neighbours,
      NODES_ADDRESS: place.network.neighbours,
      CLIENTS_ADDRESS: place.network.neighbours,
    }),
    "pg_ident.conf": renderTemplate("postgres/pg_ident.conf", users()),
  };
}

async function initialise(machine: Machine, { programs }: NodePlace): Promise<void> {
  const authentication = ["--auth-local=peer", "--auth-host=scram-sha-256"];
  const words = [
    "-D",
    machine.dataFolder,
    "-U",
    "postgres",
    "-E",
    "UTF8",
    "--locale=C",
    "--data-checksums",
    "--no-sync",
  ];
  await machine.run(join(programs, "initdb"), [...words, ...authentication]);
}

async function writeConfiguration(machine: Machine, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(machine.dataFolder, name), text);
  await giveToServerUser(machine.dataFolder);
}

async function writePasswords({ folder, monitorAddress, passwords }: NodePlace): Promise<void> {
  const lines = [
    `${monitorAddress}:pg_auto_failover:autoctl_node:${passwords.monitor}`,
    `*:*:*:pgautofailover_replicator:${passwords.replicator}`,
  ];
  const file = join(folder, "home", ".pgpass");
  await writeFile(file, `${lines.join("\n")}\n`);
  await chmod(file, 0o600);
  await giveToServerUser(file);
}

function monitorUrl({ monitorAddress, certificates }: NodePlace): string {
  const verified = certificates === null ? "" : `?sslmode=verify-full&sslrootcert=${certificates.caFile}`;
  return `postgres://autoctl_node@${monitorAddress}/pg_auto_failover${verified}`;
}

function tlsWords({ certificates, folder }: NodePlace): readonly string[] {
  if (certificates === null) return ["--no-ssl"];
  const key = ["--server-cert", join(folder, "server.crt"), "--server-key", join(folder, "server.key")];
  return ["--ssl-mode", "verify-full", "--ssl-ca-file", certificates.caFile, ...key];
}

function hostWord({ certificates }: NodePlace): string {
  return certificates === null ? "host" : "hostssl";
}

function users(): TemplateValues {
  return { SYSTEM_USER: process.getuid?.() === 0 ? "postgres" : userInfo().username };
}

function keeperSettings(): (readonly [string, string])[] {
  const lines = renderTemplate("postgres/keeper.conf", {}).split("\n");
  return lines.flatMap((line) => {
    const [name, value] = line.split("=").map((part) => part.trim());
    return line.startsWith("#") || name === undefined || value === undefined ? [] : [[name, value] as const];
  });
}
