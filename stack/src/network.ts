// A network of machines, each with an address of its own, in which the link between any two can be cut: a network namespace
// (Linux) for each, and one more that routes between them and the host.
//
// Promise: what is cut is dropped silently, both ways, on established connections too, as when a line fails: nobody gets a
// refusal. The host gets one link and one route into the network; all of it is gone with `stop` or with this process,
// however that ends, for a namespace lives as long as a process in it. Addresses are those for tests of networks (RFC 2544).
// Not here: what runs on a machine. Needs root.
import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { readlinkSync } from "node:fs";
import { promisify } from "node:util";
import { type Running, startProcess } from "../../service/test/processes.ts";
import { requireProgram } from "../../service/test/programs.ts";
import { waitFor } from "../../service/test/wait.ts";

export type NetworkPlace = Readonly<{
  address: string;
  /** All addresses of its network, as CIDR. */
  neighbours: string;
  /** The words before a command that make it run there. */
  enter: readonly string[];
}>;

/** No network of its own. */
export const LOOPBACK: NetworkPlace = { address: "127.0.0.1", neighbours: "127.0.0.1/32", enter: [] };

export type Network = Readonly<{
  placeOf: (machine: string) => NetworkPlace;
  /** Between each of these and each of those. Resolves when nothing passes any more. */
  cut: (these: readonly string[], those: readonly string[]) => Promise<void>;
  /** All that was cut. */
  heal: () => Promise<void>;
  stop: () => Promise<void>;
}>;

/** Another stack on this machine may have a network, too. */
const NETWORKS = 256;
const MOST_ATTEMPTS = 10;
/** Last parts of addresses; those before them are for machines. */
const HOST = 253;
const ROUTER = 254;

export async function startNetwork(machines: readonly string[]): Promise<Network> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    throw new Error("A link that can be cut is one between network namespaces, which root makes: run this as root.");
  }
  if (machines.length >= HOST) throw new Error(`A network has room for ${HOST - 1} machines.`);
  const holders: Running[] = [];
  const hold = async () => {
    const holder = await startProcess("unshare", ["--net", requireProgram("sleep"), "infinity"]);
    holders.push(holder);
    // Until then it is still in ours, and what is configured would be the host.
    await waitFor("a network namespace", () => namespaceOf(holder.pid) !== namespaceOf(process.pid));
    return holder;
  };
  const stop = async () => {
    await Promise.all(holders.map((holder) => holder.kill()));
  };
  try {
    const router = await hold();
    const prefix = await connectHost(router);
    const places = new Map<string, NetworkPlace>();
    for (const [index, name] of machines.entries()) {
      places.set(name, await connectMachine(router, await hold(), prefix, index + 1));
    }
    return { ...linksOf(router, places), stop };
  } catch (fault) {
    await stop();
    throw fault;
  }
}

/** The cuts are rules of the router, which it applies to every packet. */
function linksOf(router: Running, places: ReadonlyMap<string, NetworkPlace>): Omit<Network, "stop"> {
  const placeOf = (machine: string) => {
    const place = places.get(machine);
    if (place === undefined) throw new Error(`The network has no ${machine}, only ${[...places.keys()].join(", ")}.`);
    return place;
  };
  const dropped = (one: string, other: string) => `from ${placeOf(one).address} to ${placeOf(other).address} blackhole`;
  const rules: string[] = [];
  return {
    placeOf,
    cut: async (these, those) => {
      const pairs = these.flatMap((one) => those.map((other) => [one, other] as const));
      const added = pairs.flatMap(([one, other]) => [dropped(one, other), dropped(other, one)]);
      rules.push(...added);
      await configure(
        enter(router),
        added.map((rule) => `rule add ${rule}`),
      );
    },
    heal: () =>
      configure(
        enter(router),
        rules.splice(0).map((rule) => `rule del ${rule}`),
      ),
  };
}

/** The first three parts of the network's addresses. */
async function connectHost(router: Running): Promise<string> {
  const [program = "", ...words] = [...enter(router), requireProgram("sysctl"), "-qw", "net.ipv4.ip_forward=1"];
  await promisify(execFile)(program, words);
  const number = await addHostLink(router);
  const prefix = `198.18.${number}`;
  const link = linkName(number);
  await configure(
    [],
    [
      `address add ${prefix}.${HOST}/32 dev ${link}`,
      `link set ${link} up`,
      `route add ${prefix}.${ROUTER} dev ${link}`,
      `route add ${prefix}.0/24 via ${prefix}.${ROUTER} src ${prefix}.${HOST}`,
    ],
  );
  await configure(enter(router), [
    "link set lo up",
    `address add ${prefix}.${ROUTER}/32 dev lo`,
    "link set host up",
    `route add ${prefix}.${HOST} dev host`,
  ]);
  return prefix;
}

/** The kernel arbitrates: a name that another network has is refused. */
async function addHostLink(router: Running): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const number = randomInt(NETWORKS);
    try {
      await configure([], [`link add ${linkName(number)} type veth peer name host netns ${router.pid}`]);
      return number;
    } catch (fault) {
      if (attempt === MOST_ATTEMPTS) throw fault;
    }
  }
}

async function connectMachine(router: Running, holder: Running, prefix: string, number: number): Promise<NetworkPlace> {
  const address = `${prefix}.${number}`;
  await configure(enter(router), [
    `link add machine${number} type veth peer name eth0 netns ${holder.pid}`,
    `link set machine${number} up`,
    `route add ${address} dev machine${number}`,
  ]);
  await configure(enter(holder), [
    "link set lo up",
    `address add ${address}/32 dev eth0`,
    "link set eth0 up",
    `route add ${prefix}.${ROUTER} dev eth0`,
    `route add default via ${prefix}.${ROUTER}`,
  ]);
  return { address, neighbours: `${prefix}.0/24`, enter: enter(holder) };
}

/** Runs commands of `ip`, all at once, where the words before them lead. */
async function configure(before: readonly string[], commands: readonly string[]): Promise<void> {
  const [program = "", ...words] = [...before, requireProgram("ip"), "-batch", "-"];
  const running = promisify(execFile)(program, words);
  running.child.stdin?.end(commands.map((command) => `${command}\n`).join(""));
  await running;
}

function enter(holder: Running): readonly string[] {
  return [requireProgram("nsenter"), `--net=/proc/${holder.pid}/ns/net`];
}

function namespaceOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/net`);
}

function linkName(number: number): string {
  return `sluice-lab${number}`;
}
