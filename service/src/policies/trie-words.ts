// Small numbers for the literals of patterns and for methods, so that a match compares integers.
// Numbers are only ever added, so snapshots that follow one another share one table.

/** Any text that was never added. */
export const UNKNOWN_WORD = 0;

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
