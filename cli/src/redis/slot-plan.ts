// What moving a slot needs, decided from what every master says of itself. Pure.
// A slot is open while its source is marked MIGRATING or its target IMPORTING. An open slot is touched only to resume
// exactly the move that opened it.
import { type ClusterNode, ownerOf } from "./cluster-nodes.ts";

/** One master's own answer to CLUSTER NODES: only it knows its open slots, and it is first to know what it owns. */
export type MasterView = Readonly<{ id: string; nodes: readonly ClusterNode[] }>;

export type SlotPlan =
  | Readonly<{ kind: "move"; slot: number; sourceId: string }>
  /** The target owns it already, but the source has not closed it. */
  | Readonly<{ kind: "finish"; slot: number; sourceId: string }>
  | Readonly<{ kind: "already there"; slot: number }>
  | Readonly<{ kind: "refused"; slot: number; fault: string }>;

export type Wish = Readonly<{ targetId: string; sourceId: string | null; resume: boolean }>;

export function planSlot(slot: number, views: readonly MasterView[], wish: Wish): SlotPlan {
  const refused = (fault: string): SlotPlan => ({ kind: "refused", slot, fault });
  const open = openingOf(slot, views);
  const foreign = open.destinations.find((id) => id !== wish.targetId);
  if (foreign) return refused(`it is being moved to ${foreign}; finish that move first, with --to ${foreign} --resume`);
  const isOpen = open.destinations.length > 0;
  if (isOpen && !wish.resume) return refused("it is open from an interrupted move; go on with --resume");

  const ownerId = ownerIdOf(slot, views, wish.targetId);
  if (ownerId === null) return refused("no master owns it");
  if (ownerId === wish.targetId) {
    return open.sourceId === null ? { kind: "already there", slot } : { kind: "finish", slot, sourceId: open.sourceId };
  }
  if (wish.sourceId !== null && ownerId !== wish.sourceId) return refused(`its owner is ${ownerId}, not --from`);
  return { kind: "move", slot, sourceId: ownerId };
}

function openingOf(slot: number, views: readonly MasterView[]): { sourceId: string | null; destinations: string[] } {
  const destinations: string[] = [];
  let sourceId: string | null = null;
  for (const { id, nodes } of views) {
    const self = nodes.find((node) => node.isMyself);
    const destination = self?.migrating.get(slot);
    if (destination !== undefined) {
      sourceId = id;
      destinations.push(destination);
    }
    if (self?.importing.has(slot)) destinations.push(id);
  }
  return { sourceId, destinations };
}

/** A master's word about itself counts more than another's about it; the target's most, for it has the newest epoch. */
function ownerIdOf(slot: number, views: readonly MasterView[], targetId: string): string | null {
  const claimants = views.filter(({ id, nodes }) => ownerOf(nodes, slot)?.id === id).map(({ id }) => id);
  if (claimants.includes(targetId)) return targetId;
  return claimants[0] ?? null;
}
