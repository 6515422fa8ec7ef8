// Which rows changed since they were last written down, longest ago first.
// Promise: bounded. Beyond `maxRows` the one that waits longest is given up and counted: nothing is lost unseen.

export class Changed<Row extends object> {
  readonly #maxRows: number;
  readonly #rows = new Set<Row>();
  #lost = 0;

  constructor(maxRows: number) {
    this.#maxRows = maxRows;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Rows that were given up before they could be written down. */
  get lost(): number {
    return this.#lost;
  }

  note(row: Row): void {
    this.#rows.add(row);
    if (this.#rows.size > this.#maxRows) this.#giveUpOldest();
  }

  /** As good as written down, unless they are noted again. */
  take(limit: number): Row[] {
    const taken = this.#rows.values().take(limit).toArray();
    for (const row of taken) this.#rows.delete(row);
    return taken;
  }

  #giveUpOldest(): void {
    for (const row of this.#rows.values().take(1)) this.#rows.delete(row);
    this.#lost += 1;
  }
}
