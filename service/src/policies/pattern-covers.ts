// Values by canonical pattern, and the question which of them have a pattern that covers a given one: that matches every
// path which the given one matches. For lint; the trie that checks are matched in asks about paths (trie.ts).
// A question goes down at most two branches per segment, the literal and `*`, and only where all before it covers.
import { ONE, patternSegments, REST } from "./pattern.ts";

export class PatternCovers<Value> {
  readonly #root = newNode<Value>();

  add(pattern: string, value: Value): void {
    let node = this.#root;
    for (const segment of patternSegments(pattern)) {
      const child = node.children.get(segment) ?? newNode<Value>();
      node.children.set(segment, child);
      node = child;
    }
    node.values.push(value);
  }

  covering(pattern: string): Value[] {
    return [...covering(this.#root, patternSegments(pattern), 0)];
  }
}

type Node<Value> = Readonly<{ children: Map<string, Node<Value>>; values: Value[] }>;

function newNode<Value>(): Node<Value> {
  return { children: new Map(), values: [] };
}

function* covering<Value>(node: Node<Value>, segments: readonly string[], at: number): Generator<Value> {
  yield* node.children.get(REST)?.values ?? [];
  const segment = segments[at];
  if (segment === undefined) return yield* node.values;
  if (segment === REST) return;
  for (const wanted of segment === ONE ? [ONE] : [segment, ONE]) {
    const child = node.children.get(wanted);
    if (child !== undefined) yield* covering(child, segments, at + 1);
  }
}
