// Moves the slots an operator asked for, one after another: finds the nodes, plans every slot, and begins only when all
// of it is possible. Not here: which state of a slot allows what (slot-plan.ts), how one slot moves (slot-mover.redis.ts).
import { CommandFailure, EXIT } from "../exit-codes.ts";
import { type ClusterNode, parseClusterNodes } from "./cluster-nodes.ts";
import { type Connection, type Connections, openConnections, type Seeds } from "./connections.redis.ts";
import type { Member, MoveSettings } from "./slot-commands.redis.ts";
import { parseSlotList } from "./slot-list.ts";
import { finishMove, type Moved, moveSlot, resumeMove, takeBackAndMove } from "./slot-mover.redis.ts";
import { type MasterView, planSlot, type SlotPlan } from "./slot-plan.ts";

export type SlotWish = Readonly<{
  /** Node ids or host:port. */
  from?: string;
  to: string;
  /** One of the two. */
  slots?: string;
  keyTag?: string;
  resume?: boolean;
  timeoutMs: number;
}>;

/** What was moved before `failure`, or all of it when that is null. */
export type MovedSlots = Readonly<{ to: string; moved: readonly Moved[]; failure: unknown }>;

export async function moveSlots(seeds: Seeds, wish: SlotWish, say: (text: string) => void): Promise<MovedSlots> {
  const connections = openConnections(seeds);
  try {
    return await moveAll(connections, seeds, wish, say);
  } finally {
    connections.close();
  }
}

async function moveAll(
  connections: Connections,
  seeds: Seeds,
  wish: SlotWish,
  say: (text: string) => void,
): Promise<MovedSlots> {
  const seed = await connections.toAnySeed();
  const nodes = parseClusterNodes(String(await seed.command(["CLUSTER", "NODES"])));
  const target = findMaster(nodes, wish.to, "--to");
  const source = wish.from === undefined ? null : findMaster(nodes, wish.from, "--from");
  const slots = await wantedSlots(seed, wish);
  const members = await connectMasters(nodes, seed, connections, say, [target, source]);
  const views = await Promise.all(members.map(viewOf));
  const ids = { targetId: target.id, sourceId: source?.id ?? null, resume: wish.resume === true };
  const plans = slots.map((slot) => planSlot(slot, views, ids));
  refuseAll(plans);

  const credentials = { username: seeds.username, password: seeds.password?.reveal() ?? null };
  const settings = { targetTimeoutMs: wish.timeoutMs, credentials, say };
  const moved: Moved[] = [];
  for (const [index, plan] of plans.entries()) {
    try {
      const result = await carryOut(plan, target.id, members, settings);
      moved.push(result);
      const talk = plan.kind === "already there" ? plan.kind : talkOf(result);
      say(`slot ${plan.slot}: ${talk} (${index + 1} of ${plans.length})`);
    } catch (failure) {
      return { to: target.id, moved, failure };
    }
  }
  return { to: target.id, moved, failure: null };
}

/** Nothing is begun unless everything that was asked for is possible. */
function refuseAll(plans: readonly SlotPlan[]): void {
  const faults = plans.flatMap((plan) => (plan.kind === "refused" ? [`slot ${plan.slot}: ${plan.fault}`] : []));
  if (faults.length > 0) throw new CommandFailure(EXIT.conflict, `Nothing was moved.\n${faults.join("\n")}`);
}

async function carryOut(
  plan: SlotPlan,
  targetId: string,
  members: readonly Member[],
  settings: MoveSettings,
): Promise<Moved> {
  const nothing = { slot: plan.slot, keys: 0, copiedAhead: 0, inWindow: 0, openMs: 0 };
  if (plan.kind === "already there" || plan.kind === "refused") return nothing;
  const move = {
    slot: plan.slot,
    source: memberOf(members, plan.sourceId),
    target: memberOf(members, targetId),
    otherMasters: members.filter(({ id }) => id !== plan.sourceId && id !== targetId),
  };
  switch (plan.kind) {
    case "move":
      return await moveSlot(move, settings);
    case "resume":
      return await resumeMove(move, settings);
    case "take back":
      return await takeBackAndMove(move, settings);
    case "finish":
      await finishMove(move);
      return nothing;
  }
}

function talkOf({ keys, inWindow, openMs }: Moved): string {
  return `${keys} keys, ${inWindow} of them in the ${openMs} ms in which it was open`;
}

function memberOf(members: readonly Member[], id: string): Member {
  const member = members.find((candidate) => candidate.id === id);
  if (!member) throw new CommandFailure(EXIT.unreachable, `The master ${id} cannot be reached.`);
  return member;
}

function findMaster(nodes: readonly ClusterNode[], name: string, option: string): ClusterNode {
  const node = nodes.find(({ id, ip, hostname, port }) => [id, `${ip}:${port}`, `${hostname}:${port}`].includes(name));
  if (!node) throw new CommandFailure(EXIT.notFound, `${option} ${name}: the cluster has no such node.`);
  if (!node.isMaster) throw new CommandFailure(EXIT.conflict, `${option} ${name} is a replica of ${node.masterId}.`);
  return node;
}

async function wantedSlots(seed: Connection, wish: SlotWish): Promise<number[]> {
  if ((wish.slots === undefined) === (wish.keyTag === undefined)) {
    throw new CommandFailure(EXIT.usage, "Give either --slots or --key-tag.");
  }
  if (wish.keyTag !== undefined) return [Number(await seed.command(["CLUSTER", "KEYSLOT", `{${wish.keyTag}}`]))];
  const list = parseSlotList(wish.slots ?? "");
  if ("fault" in list) throw new CommandFailure(EXIT.usage, `--slots: ${list.fault}`);
  return list.slots;
}

/** Connections to all masters. One that takes no part in the move may be away. */
async function connectMasters(
  nodes: readonly ClusterNode[],
  seed: Connection,
  connections: Connections,
  say: (text: string) => void,
  needed: readonly (ClusterNode | null)[],
): Promise<Member[]> {
  const members = nodes
    .filter((node) => node.isMaster)
    .map(async (node): Promise<Member[]> => {
      const ip = node.ip || seed.address.slice(0, seed.address.lastIndexOf(":"));
      try {
        const connection = await connections.to(node.hostname ?? ip, node.port);
        return [{ id: node.id, ip, port: node.port, connection }];
      } catch (fault) {
        if (needed.includes(node)) throw fault;
        say(`warning: ${fault instanceof Error ? fault.message : String(fault)}`);
        return [];
      }
    });
  return (await Promise.all(members)).flat();
}

async function viewOf({ id, connection }: Member): Promise<MasterView> {
  return { id, nodes: parseClusterNodes(String(await connection.command(["CLUSTER", "NODES"]))) };
}
