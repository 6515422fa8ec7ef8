// Patterns of one target as a trie of segments: finds every pattern that matches a path, the most specific first.
//
// Depth first, the literal child before `*` before the node's own `**`, is exactly the order of specificity: two patterns
// that match the same path differ first in a segment where one is the less general (a different literal could not match
// both), and a pattern that has ended there is more specific than one that goes on with `**`.
//
// The work of a match does not grow with the number of patterns. On the way down only `literal or *` branches, so the
// nodes visited for one path have pairwise different shapes (which segments are `*`), and `visitsAtMost`, the number of
// different shapes of all prefixes, bounds them: 10 000 patterns of three shapes visit what ten patterns visit.
// A set with very many shapes (32 segments, each literal or `*` at will) would still reach every node; beyond
// MAX_VISITS trie-rows.ts matches it in a fixed number of word operations.
import { MAX_PATTERN_SEGMENTS } from "./pattern.ts";
import type { IntegerList } from "./trie-integers.ts";
import { ONE_WORD, type PathWords, REST_WORD, UNKNOWN_WORD } from "./trie-words.ts";

/** Above this a set of patterns is matched by rows: some 10 ns each, so 2 to 3 microseconds at the very worst. */
export const MAX_VISITS = 256;

export interface PatternMatcher {
  /** Appends the numbers of the matching patterns, most specific first; returns the steps it took. */
  match(path: PathWords, into: IntegerList): number;
}

export class PatternTrie implements PatternMatcher {
  readonly #root = new Node();
  readonly #shapes = new Shape();
  #visitsAtMost = 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** No match visits more nodes than this. */
  get visitsAtMost(): number {
    return this.#visitsAtMost;
  }

  /** Number of the pattern: 0, 1, 2 ... in order of first addition. */
  add(words: readonly number[]): number {
    const isRest = words.at(-1) === REST_WORD;
    const node = this.#nodeAt(isRest ? words.slice(0, -1) : words);
    const known = isRest ? node.rest : node.end;
    if (known !== NONE) return known;
    const number = this.#size;
    this.#size += 1;
    if (isRest) node.rest = number;
    else node.end = number;
    return number;
  }

  match(path: PathWords, into: IntegerList): number {
    return visit(this.#root, 0, path, into);
  }

  /** Every pattern, the more specific of any two that can match the same path first. */
  inOrder(): Generator<NumberedPattern> {
    return patternsBelow(this.#root, []);
  }

  #nodeAt(words: readonly number[]): Node {
    let node = this.#root;
    let shape = this.#shapes;
    for (const word of words) {
      node = node.childFor(word);
      const side = word === ONE_WORD ? "one" : "literal";
      if (shape[side] === null) {
        shape[side] = new Shape();
        this.#visitsAtMost += 1;
      }
      shape = shape[side];
    }
    return node;
  }
}

export type NumberedPattern = Readonly<{ number: number; words: readonly number[] }>;

const NONE = -1;

class Node {
  /** The first literal child stands in the node (most nodes have one), the others in `literals`. */
  word = UNKNOWN_WORD;
  child: Node | null = null;
  literals: Map<number, Node> | null = null;
  one: Node | null = null;
  /** Number of the pattern that ends here. */
  end = NONE;
  /** Number of the pattern that goes on with `**`. */
  rest = NONE;

  childFor(word: number): Node {
    if (word === ONE_WORD) {
      this.one ??= new Node();
      return this.one;
    }
    const known = literalChild(this, word);
    if (known !== null) return known;
    const child = new Node();
    if (this.child === null) {
      this.word = word;
      this.child = child;
    } else {
      this.literals ??= new Map();
      this.literals.set(word, child);
    }
    return child;
  }
}

/** The trie with all literals taken for one: counts the shapes. */
class Shape {
  literal: Shape | null = null;
  one: Shape | null = null;
}

function literalChild(node: Node, word: number): Node | null {
  if (node.word === word) return node.child;
  return node.literals?.get(word) ?? null;
}

function visit(node: Node, depth: number, path: PathWords, into: IntegerList): number {
  let visits = 1;
  if (depth === path.length) {
    if (node.end !== NONE) into.push(node.end);
  } else if (depth < MAX_PATTERN_SEGMENTS) {
    const literal = literalChild(node, path.words[depth] ?? UNKNOWN_WORD);
    if (literal !== null) visits += visit(literal, depth + 1, path, into);
    if (node.one !== null) visits += visit(node.one, depth + 1, path, into);
  }
  if (node.rest !== NONE) into.push(node.rest);
  return visits;
}

function* patternsBelow(node: Node, words: readonly number[]): Generator<NumberedPattern> {
  if (node.child !== null) yield* patternsBelow(node.child, [...words, node.word]);
  for (const [word, child] of node.literals ?? []) yield* patternsBelow(child, [...words, word]);
  if (node.one !== null) yield* patternsBelow(node.one, [...words, ONE_WORD]);
  if (node.end !== NONE) yield { number: node.end, words };
  if (node.rest !== NONE) yield { number: node.rest, words: [...words, REST_WORD] };
}
