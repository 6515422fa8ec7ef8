// Which node owns which slot, read from `CLUSTER NODES`. Pure.
// Not here: asking for it (shards.redis.ts), or the connection to a node (node.redis.ts).

export const SLOTS = 16_384;

export type NodeInfo = Readonly<{
  /** Its name in the cluster. */
  id: string;
  /** `host:port`, the name a node has everywhere. */
  address: string;
  isMaster: boolean;
  /** The id of the master that it follows; null for a master. */
  masterId: string | null;
  /** The cluster has agreed that it is gone. */
  isFailed: boolean;
  configEpoch: number;
  /** Inclusive slot ranges. */
  ranges: readonly (readonly [number, number])[];
}>;

/** Parses `CLUSTER NODES`; `askedHost` stands in where a node does not know its own address yet. */
export function parseClusterNodes(text: string, askedHost: string): NodeInfo[] {
  const nodes: NodeInfo[] = [];
  for (const line of text.split("\n")) {
    const [id = "", endpoint, flagText, master, , , epoch, , ...slots] = line.trim().split(" ");
    if (endpoint === undefined || flagText === undefined || master === undefined || epoch === undefined) continue;
    const flags = flagText.split(",");
    if (flags.includes("noaddr") || flags.includes("handshake")) continue;
    const isFailed = flags.includes("fail");
    nodes.push({
      id,
      address: addressOf(endpoint, askedHost),
      isMaster: flags.includes("master") && !isFailed,
      masterId: master === "-" ? null : master,
      isFailed,
      configEpoch: Number(epoch),
      ranges: slots.filter((slot) => !slot.startsWith("[")).map(rangeOf),
    });
  }
  return nodes;
}

/**
 * Masters that own slots and have nobody to take over. `isReached` says whether a node answers us. A node that is alone is
 * meant to be.
 */
export function mastersWithoutReplica(view: readonly NodeInfo[], isReached: (address: string) => boolean): number {
  if (view.length < 2) return 0;
  const followed = new Set(view.filter(({ address }) => isReached(address)).map(({ masterId }) => masterId));
  return view.filter(({ id, isMaster, ranges }) => isMaster && ranges.length > 0 && !followed.has(id)).length;
}

/** `ip:port@bus[,hostname]`; a hostname is preferred where the cluster announces one, for TLS. */
function addressOf(endpoint: string, askedHost: string): string {
  const [ipAndPort = "", hostname = ""] = endpoint.split(",");
  const beforeBus = ipAndPort.split("@")[0] ?? "";
  const colon = beforeBus.lastIndexOf(":");
  const host = hostname || beforeBus.slice(0, colon) || askedHost;
  return `${host}:${beforeBus.slice(colon + 1)}`;
}

function rangeOf(slots: string): readonly [number, number] {
  const [from, to] = slots.split("-");
  return [Number(from), Number(to ?? from)];
}

/** The slot of a key: CRC16/XMODEM of its hash tag, modulo 16384 (Redis Cluster specification). */
export function slotOf(tag: string | Uint8Array): number {
  let crc = 0;
  for (const byte of typeof tag === "string" ? Buffer.from(tag) : tag) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}
