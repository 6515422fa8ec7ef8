// What moving a slot needs, decided from what every master says of itself. Pure.
// A slot is open while a node is marked MIGRATING or IMPORTING for it. An open slot is touched only to resume exactly the
// move that opened it; copies at a target whose source still answers for everything are no opening, and are replaced.
import { type ClusterNode, ownerOf } from "./cluster-nodes.ts";

/** One master's own answer to CLUSTER NODES: only it knows its open slots, and it is first to know what it owns. */
export type MasterView = Readonly<{ id: string; nodes: readonly ClusterNode[] }>;

export type SlotPlan =
  | Readonly<{ kind: "move"; slot: number; sourceId: string }>
  /** The source is MIGRATING it to the target: keys are on both. */
  | Readonly<{ kind: "resume"; slot: number; sourceId: string }>
  /** The source is MIGRATING it and owns it no more, and the target does not own it yet: nobody answers. */
  | Readonly<{ kind: "take back"; slot: number; sourceId: string }>
  /** The target owns it already, but the source has not closed it. */
  | Readonly<{ kind: "finish"; slot: number; sourceId: string }>
  | Readonly<{ kind: "already there"; slot: number }>
  | Readonly<{ kind: "refused"; slot: number; fault: string }>;

export type Wish = Readonly<{ targetId: string; sourceId: string | null; resume: boolean }>;

type Mark = Readonly<{ id: string; other: string }>;

export function planSlot(slot: number, views: readonly MasterView[], wish: Wish): SlotPlan {
  const { targetId } = wish;
  const refused = (fault: string): SlotPlan => ({ kind: "refused", slot, fault });
  const resumed = (kind: "resume" | "take back" | "finish", sourceId: string): SlotPlan =>
    wish.resume ? { kind, slot, sourceId } : refused("it is open from an interrupted move; go on with --resume");

  const { migrating, importing } = openingOf(slot, views);
  if (migrating && migrating.other !== targetId) {
    const { other } = migrating;
    return refused(`it is being moved to ${other}; finish that move first, with --to ${other} --resume`);
  }
  const ownerId = ownerIdOf(slot, views, targetId);
  const copiesAt = importing.find(({ id }) => id !== targetId)?.id;
  if (ownerId === targetId) {
    const unclosedId = migrating?.id ?? copiesAt;
    return unclosedId === undefined ? { kind: "already there", slot } : resumed("finish", unclosedId);
  }
  const sourceId = ownerId ?? migrating?.id;
  if (sourceId === undefined) return refused("no master owns it");
  if (wish.sourceId !== null && sourceId !== wish.sourceId) return refused(`its owner is ${sourceId}, not --from`);
  if (migrating) return resumed(ownerId === null ? "take back" : "resume", sourceId);
  if (copiesAt !== undefined) {
    return refused(`${copiesAt} still holds copies of it; remove them first, with --to ${sourceId} --resume`);
  }
  return { kind: "move", slot, sourceId };
}

function openingOf(slot: number, views: readonly MasterView[]): { migrating: Mark | null; importing: Mark[] } {
  const marks = (of: "migrating" | "importing"): Mark[] =>
    views.flatMap(({ id, nodes }) => {
      const other = nodes.find((node) => node.isMyself)?.[of].get(slot);
      return other === undefined ? [] : [{ id, other }];
    });
  return { migrating: marks("migrating")[0] ?? null, importing: marks("importing") };
}

/** A master's word about itself counts more than another's about it; the target's most, for it has the newest epoch. */
function ownerIdOf(slot: number, views: readonly MasterView[], targetId: string): string | null {
  const claimants = views.filter(({ id, nodes }) => ownerOf(nodes, slot)?.id === id).map(({ id }) => id);
  if (claimants.includes(targetId)) return targetId;
  return claimants[0] ?? null;
}
