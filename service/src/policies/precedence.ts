// Which of two policies goes before the other where both match a call, and by which rule: product rule 1, in words.
// The compiled snapshot ranks by how it is built (resolve-ruleset.ts, trie.ts); this tells people why, and lint whether.
// The answer is the same for every call that both match, so it needs none: where one has a literal and the other has
// another literal, no call matches both.
// Policies of different scopes do not compete, and are not told apart here.
// Not here: whether a policy matches, or what the first one wins (resolve.ts).
import { ONE, patternSegments, REST } from "./pattern.ts";
import type { Policy, TargetKind } from "./policy.ts";

/** `segment` counts from 1. `start` and `id` only decide between overrides that overlap in time. */
export type Precedence = Readonly<
  { by: "target" | "override" | "method" | "start" | "id" } | { by: "pattern"; segment: number }
>;

type Ranked = Omit<Policy, "id">;

const TARGET_ORDER: readonly TargetKind[] = ["TENANT", "PLAN", "EVERYONE"];
const ANY_METHOD = "ANY";

/** `order` < 0: the first goes before. 0 with `by` "id": only their ids tell them apart. */
export function comparePrecedence(first: Ranked, second: Ranked): Readonly<{ order: number; why: Precedence }> {
  const byTarget = TARGET_ORDER.indexOf(first.target.kind) - TARGET_ORDER.indexOf(second.target.kind);
  if (byTarget !== 0) return { order: byTarget, why: { by: "target" } };
  const byOverride = Number(first.validity === null) - Number(second.validity === null);
  if (byOverride !== 0) return { order: byOverride, why: { by: "override" } };
  const byPattern = comparePatterns(patternSegments(first.apiPattern), patternSegments(second.apiPattern));
  if (byPattern !== null) return byPattern;
  const byMethod = Number(first.httpMethod === ANY_METHOD) - Number(second.httpMethod === ANY_METHOD);
  if (byMethod !== 0) return { order: byMethod, why: { by: "method" } };
  const byStart = (second.validity?.validFromMs ?? 0) - (first.validity?.validFromMs ?? 0);
  return byStart !== 0 ? { order: byStart, why: { by: "start" } } : { order: 0, why: { by: "id" } };
}

function comparePatterns(first: readonly string[], second: readonly string[]) {
  for (let at = 0; at < Math.max(first.length, second.length); at += 1) {
    const order = generality(first[at]) - generality(second[at]);
    if (order !== 0) return { order, why: { by: "pattern", segment: at + 1 } as const };
  }
  return null;
}

/** A pattern that has ended goes before one that goes on with `**`: nothing else can be beside an end. */
function generality(segment: string | undefined): number {
  if (segment === undefined) return 2;
  if (segment === REST) return 3;
  return segment === ONE ? 1 : 0;
}
