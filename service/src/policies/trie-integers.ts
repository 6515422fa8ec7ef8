// A growable list of integers that is cleared and filled again: what the hot path writes instead of allocating.

export class IntegerList {
  #values = new Int32Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Valid up to `length`, until the next push. */
  get values(): Int32Array {
    return this.#values;
  }

  clear(): void {
    this.#length = 0;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Int32Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  copy(): Int32Array {
    return this.#values.slice(0, this.#length);
  }
}
