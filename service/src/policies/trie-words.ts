// Small numbers for the literals of patterns and for methods, so that a match compares integers; paths and patterns in them.
// Numbers are only ever added, so snapshots that follow one another share one table.
import { MAX_PATTERN_SEGMENTS, ONE, patternSegments, REST } from "./pattern.ts";

/** Any text that was never added. */
export const UNKNOWN_WORD = 0;

/** In the words of a pattern: `*` and `**`. Literals are numbers of `Words`. */
export const ONE_WORD = -1;
export const REST_WORD = -2;

export class Words {
  readonly #numbers = new Map<string, number>();

  get size(): number {
    return this.#numbers.size;
  }

  numberOf(text: string): number {
    return this.#numbers.get(text) ?? UNKNOWN_WORD;
  }

  add(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#numbers.size + 1;
    this.#numbers.set(text, number);
    return number;
  }
}

/** The words of a canonical pattern; its literals are added to `vocabulary`. */
export function patternWords(canonical: string, vocabulary: Words): number[] {
  return patternSegments(canonical).map((segment) => {
    if (segment === ONE) return ONE_WORD;
    return segment === REST ? REST_WORD : vocabulary.add(segment);
  });
}

/** The path being matched: the numbers of its first segments, and how many segments it has in all. Reused. */
export class PathWords {
  readonly words = new Int32Array(MAX_PATTERN_SEGMENTS);
  length = 0;

  read(segments: readonly string[], vocabulary: Words): void {
    this.length = segments.length;
    const known = Math.min(segments.length, MAX_PATTERN_SEGMENTS);
    for (let index = 0; index < known; index += 1) {
      this.words[index] = vocabulary.numberOf(segments[index] ?? "");
    }
  }
}
