// Reads the answer of CLUSTER NODES (format: redis.io/commands/cluster-nodes, Redis 7 and Valkey 7.2). Pure.

export type ClusterNode = Readonly<{
  id: string;
  /** Where other nodes reach it; empty for a node that was never told its own address. */
  ip: string;
  port: number;
  /** Announced since 7.0, for certificates that name hosts; null when there is none. */
  hostname: string | null;
  isMaster: boolean;
  /** The node that gave this answer. Only its own open slots are listed. */
  isMyself: boolean;
  /** Marked as failing (PFAIL or FAIL), or its address is not known. */
  isFailing: boolean;
  masterId: string | null;
  slotRanges: readonly (readonly [first: number, last: number])[];
  /** Slots being moved away, with the id of the node they go to. */
  migrating: ReadonlyMap<number, string>;
  /** Slots being moved here, with the id of the node they come from. */
  importing: ReadonlyMap<number, string>;
}>;

export function parseClusterNodes(text: string): ClusterNode[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(parseLine);
}

/** The master that owns the slot, or null when nobody does. */
export function ownerOf(nodes: readonly ClusterNode[], slot: number): ClusterNode | null {
  return nodes.find((node) => node.slotRanges.some(([first, last]) => slot >= first && slot <= last)) ?? null;
}

function parseLine(line: string): ClusterNode {
  const [id = "", address = "", flagList = "", masterId = "-", , , , , ...slots] = line.trim().split(" ");
  const [, ip = "", port = "0", hostname = ""] = /^(.*):(\d+)(?:@\d+)?(?:,([^,]*).*)?$/.exec(address) ?? [];
  const flags = new Set(flagList.split(","));
  const ranges = slots.filter((slot) => !slot.startsWith("["));
  return {
    id,
    ip,
    port: Number(port),
    hostname: hostname === "" ? null : hostname,
    isMaster: flags.has("master"),
    isMyself: flags.has("myself"),
    isFailing: flags.has("fail") || flags.has("fail?") || flags.has("noaddr"),
    masterId: masterId === "-" ? null : masterId,
    slotRanges: ranges.map((range) => {
      const [first, last = first] = range.split("-").map(Number);
      return [first ?? 0, last ?? 0] as const;
    }),
    migrating: openSlots(slots, "->-"),
    importing: openSlots(slots, "-<-"),
  };
}

/** Entries like `[77->-<id>]` and `[93-<-<id>]`. */
function openSlots(slots: readonly string[], arrow: "->-" | "-<-"): Map<number, string> {
  const found = slots.filter((slot) => slot.startsWith("[") && slot.includes(arrow));
  return new Map(
    found.map((slot) => {
      const [number, id = ""] = slot.slice(1, -1).split(arrow);
      return [Number(number), id];
    }),
  );
}
