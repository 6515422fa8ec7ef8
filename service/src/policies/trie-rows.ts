// Patterns of many shapes, matched by rows of bits: the same answer as the trie, in a fixed number of word operations.
//
// Every pattern is one bit, in the order of specificity. For each position there is a row of the patterns that accept
// any segment there (`*`, or a `**` at or before it) and, per literal, the bits of those that want this one; for each
// length a row of the patterns that can have it. A match is the conjunction of at most 32 such rows: with P patterns
// at most 33 × P / 32 steps of a few instructions (10 000 patterns of 32 segments: some 20 microseconds), whatever the
// patterns look like. Exponential sets of states, the price of a deterministic automaton, do not arise.
import { MAX_PATTERN_SEGMENTS } from "./pattern.ts";
import type { Slices } from "./snapshot-slices.ts";
import type { NumberedPattern, PatternMatcher, PatternTrie } from "./trie.ts";
import type { IntegerList } from "./trie-integers.ts";
import { ONE_WORD, type PathWords, REST_WORD, UNKNOWN_WORD } from "./trie-words.ts";

const BITS = 32;
/** Longer paths are alike: only patterns that end in `**` accept them. */
const LONGEST = MAX_PATTERN_SEGMENTS + 1;

/** Index of a word of bits, the bits, index, bits ...: only words that are not 0, in order. */
type SparseRow = number[];

export class PatternRows implements PatternMatcher {
  readonly #numbers: Int32Array;
  /** Words of one row. */
  readonly #width: number;
  readonly #lengths: Uint32Array[];
  readonly #accepting: Uint32Array[];
  readonly #literals: Map<number, SparseRow>[];
  readonly #left: Uint32Array;

  static async build(trie: PatternTrie, slices: Slices): Promise<PatternRows> {
    const rows = new PatternRows(trie.size);
    let rank = 0;
    for (const pattern of trie.inOrder()) {
      rows.#put(rank, pattern);
      rank += 1;
      if (slices.spent(MAX_PATTERN_SEGMENTS)) await slices.rest();
    }
    return rows;
  }

  private constructor(patterns: number) {
    this.#numbers = new Int32Array(patterns);
    this.#width = Math.ceil(patterns / BITS);
    this.#lengths = Array.from({ length: LONGEST + 1 }, () => new Uint32Array(this.#width));
    this.#accepting = Array.from({ length: MAX_PATTERN_SEGMENTS }, () => new Uint32Array(this.#width));
    this.#literals = Array.from({ length: MAX_PATTERN_SEGMENTS }, () => new Map());
    this.#left = new Uint32Array(this.#width);
  }

  match(path: PathWords, into: IntegerList): number {
    const left = this.#left;
    left.set(this.#lengths[Math.min(path.length, LONGEST)] ?? []);
    const positions = Math.min(path.length, MAX_PATTERN_SEGMENTS);
    for (let position = 0; position < positions; position += 1) {
      const literal = this.#literals[position]?.get(path.words[position] ?? UNKNOWN_WORD) ?? NO_BITS;
      keepAccepting(left, this.#accepting[position] ?? left, literal);
    }
    this.#report(into);
    return (positions + 1) * this.#width;
  }

  #put(rank: number, pattern: NumberedPattern): void {
    this.#numbers[rank] = pattern.number;
    const word = Math.floor(rank / BITS);
    const bit = 1 << (rank % BITS);
    const isRest = pattern.words.at(-1) === REST_WORD;
    const fixed = isRest ? pattern.words.length - 1 : pattern.words.length;
    for (let length = fixed; length <= (isRest ? LONGEST : fixed); length += 1) set(this.#lengths[length], word, bit);
    for (let position = 0; position < MAX_PATTERN_SEGMENTS; position += 1) {
      const wanted = pattern.words[position];
      if (wanted === ONE_WORD || (isRest && position >= fixed)) set(this.#accepting[position], word, bit);
      else if (wanted !== undefined) this.#putLiteral(position, wanted, word, bit);
    }
  }

  #putLiteral(position: number, literal: number, word: number, bit: number): void {
    const row = this.#literals[position]?.get(literal) ?? [];
    if (row.at(-2) === word) row[row.length - 1] = (row.at(-1) ?? 0) | bit;
    else row.push(word, bit);
    this.#literals[position]?.set(literal, row);
  }

  #report(into: IntegerList): void {
    for (let word = 0; word < this.#width; word += 1) {
      let bits = this.#left[word] ?? 0;
      while (bits !== 0) {
        const lowest = bits & -bits;
        into.push(this.#numbers[word * BITS + (BITS - 1 - Math.clz32(lowest))] ?? 0);
        bits ^= lowest;
      }
    }
  }
}

const NO_BITS: SparseRow = [];

function keepAccepting(left: Uint32Array, accepting: Uint32Array, literal: SparseRow): void {
  let next = 0;
  for (let word = 0; word < left.length; word += 1) {
    let accepted = accepting[word] ?? 0;
    if (literal[next] === word) {
      accepted |= literal[next + 1] ?? 0;
      next += 2;
    }
    left[word] = (left[word] ?? 0) & accepted;
  }
}

function set(row: Uint32Array | undefined, word: number, bit: number): void {
  if (row !== undefined) row[word] = (row[word] ?? 0) | bit;
}
