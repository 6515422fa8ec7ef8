// The nodes of one Redis, single or Cluster, and which of them owns each slot.
//
// We route slots ourselves over single-node connections (decision 0003): breakers, probes, tokens and pending takes belong
// to the owner of a slot, and the client's own cluster learns of a failover only from redirections, which an open breaker
// never sees. The topology is asked of a healthy node every second, and every 250 ms while some slot has no ready owner.
// Replicas are connected to, too, have the scripts, and are asked for their time: one that is promoted is sent takes at once,
// and within what is left of their deadline.
// Not here: what is sent to a node (counters.redis.ts), one node's life (node.redis.ts).
import { type NodeEvents, type RedisAccess, RedisNode } from "./node.redis.ts";
import { mastersWithoutReplica, type NodeInfo, parseClusterNodes, SLOTS } from "./topology.ts";

const REFRESH_EVERY_MS = 1_000;
const REFRESH_WHILE_BROKEN_MS = 250;
const ASK_TIMEOUT_MS = 500;

/** What one look at the cluster found, as this process sees it. */
export type Coverage = Readonly<{
  /** Nobody who answers owns them: what is asked of their tenants gets the Fallback. */
  slotsWithoutOwner: number;
  /** One more death, and their slots have no owner. 0 for a Redis that is alone. */
  mastersWithoutReplica: number;
}>;

export type ShardsEvents = NodeEvents & Readonly<{ looked: (coverage: Coverage) => void }>;

export class Shards {
  readonly #seeds: readonly string[];
  readonly #access: RedisAccess;
  readonly #events: ShardsEvents;
  readonly #nodes = new Map<string, RedisNode>();
  readonly #owners: (RedisNode | null)[] = new Array(SLOTS).fill(null);
  /** Of the last node that told us; empty before. */
  #view: readonly NodeInfo[] = [];
  #timer: NodeJS.Timeout | null = null;
  #refreshing: Promise<void> | null = null;
  #closed = false;

  constructor(seeds: readonly string[], access: RedisAccess, events: ShardsEvents) {
    this.#seeds = seeds;
    this.#access = access;
    this.#events = events;
  }

  /** Resolves after the first look, whether or not a node answered: the service starts without Redis, too. */
  async start(): Promise<void> {
    await this.refresh();
    await Promise.all(this.owners().map((node) => node.connect()));
    this.#schedule();
  }

  ownerOf(slot: number): RedisNode | null {
    return this.#owners[slot] ?? null;
  }

  owners(): RedisNode[] {
    return [...new Set(this.#owners)].filter((node) => node !== null);
  }

  /** Every slot has an owner, ready or not. */
  covered(): boolean {
    return !this.#owners.includes(null);
  }

  slotOwnedBy(node: RedisNode): number | null {
    const slot = this.#owners.indexOf(node);
    return slot === -1 ? null : slot;
  }

  /** The node of this address, known or not yet. */
  nodeAt(address: string): RedisNode {
    let node = this.#nodes.get(address);
    if (node === undefined) {
      node = new RedisNode(address, this.#access, this.#events);
      this.#nodes.set(address, node);
      void node.connect();
    }
    return node;
  }

  /** A redirection is news: the slot belongs to another node from now on, which knows best what else is its own. */
  moved(slot: number, address: string): RedisNode {
    const node = this.nodeAt(address);
    this.#owners[slot] = node;
    void this.refresh(node);
    return node;
  }

  refresh(first: RedisNode | null = null): Promise<void> {
    this.#refreshing ??= this.#ask(first).finally(() => {
      this.#refreshing = null;
      this.#events.looked(this.#coverage());
    });
    return this.#refreshing;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const node of this.#nodes.values()) node.close();
  }

  #schedule(): void {
    if (this.#closed) return;
    const broken = this.#owners.some((node) => node === null || !node.ready);
    const waitMs = broken ? REFRESH_WHILE_BROKEN_MS : REFRESH_EVERY_MS;
    this.#timer = setTimeout(() => void this.refresh().then(() => this.#schedule()), waitMs);
  }

  /** Owners are asked before replicas, which hear of a change last. */
  async #ask(first: RedisNode | null): Promise<void> {
    const known = [first, ...this.owners(), ...this.#nodes.values()].filter((node) => node?.ready);
    for (const node of new Set([...known, ...this.#seedNodes()])) {
      if (node === null) continue;
      if (this.#closed) return;
      const nodes = await this.#viewOf(node);
      if (nodes === null) continue;
      this.#apply(nodes);
      return this.#keepReplicasWarm();
    }
  }

  /** Their clocks would be known no better than by their greeting: nothing else is asked of them. */
  #keepReplicasWarm(): void {
    const owners = new Set(this.#owners);
    for (const node of this.#nodes.values()) {
      if (node.ready && !owners.has(node)) node.askTime();
    }
  }

  #seedNodes(): RedisNode[] {
    return this.#seeds.map((address) => this.nodeAt(address)).filter((node) => !node.ready);
  }

  #coverage(): Coverage {
    return {
      slotsWithoutOwner: this.#owners.filter((node) => !node?.ready).length,
      mastersWithoutReplica: mastersWithoutReplica(this.#view, (address) => this.#nodes.get(address)?.ready === true),
    };
  }

  /** Its view of the cluster; a single server owns every slot; null when it does not answer. */
  async #viewOf(node: RedisNode): Promise<NodeInfo[] | null> {
    try {
      if (!node.connected) await within(ASK_TIMEOUT_MS, node.connect());
      const text = await within(ASK_TIMEOUT_MS, node.send(["CLUSTER", "NODES"]));
      return parseClusterNodes(String(text), hostOf(node.address));
    } catch (error) {
      if (!(error instanceof Error) || !/cluster support disabled/i.test(error.message)) return null;
      return [single(node.address)];
    }
  }

  #apply(view: readonly NodeInfo[]): void {
    this.#view = view;
    const named = new Set(view.map((info) => info.address));
    for (const info of view) {
      if (info.isFailed) continue;
      const node = this.nodeAt(info.address);
      if (!info.isMaster) continue;
      node.configEpoch = Math.max(node.configEpoch, info.configEpoch);
      for (const [from, to] of info.ranges) {
        for (let slot = from; slot <= to; slot += 1) this.#claim(slot, node, named);
      }
    }
    this.#forget(view);
  }

  /** A stale view must not take a slot back: the owner with the greater config epoch has it. */
  #claim(slot: number, node: RedisNode, named: ReadonlySet<string>): void {
    const owner = this.#owners[slot] ?? null;
    const stands = owner !== null && named.has(owner.address) && owner.configEpoch > node.configEpoch;
    if (!stands) this.#owners[slot] = node;
  }

  /** Nodes that are gone are let go; a failed master's slots wait without an owner. */
  #forget(view: readonly NodeInfo[]): void {
    const masters = new Set(view.filter((info) => info.isMaster).map((info) => info.address));
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const owner = this.#owners[slot];
      if (owner !== null && owner !== undefined && !masters.has(owner.address)) this.#owners[slot] = null;
    }
    const there = new Set(view.filter((info) => !info.isFailed).map((info) => info.address));
    for (const [address, node] of this.#nodes) {
      if (there.has(address) || this.#seeds.includes(address)) continue;
      this.#nodes.delete(address);
      node.close();
    }
  }
}

function single(address: string): NodeInfo {
  return { id: "", address, isMaster: true, masterId: null, isFailed: false, configEpoch: 0, ranges: [[0, SLOTS - 1]] };
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
