// Rows of grow-only sums that one process owns, by name.
//
// Promise: bounded. A full book begins anew under another incarnation, because a row that was dropped may only come back as
// somebody else's. Not here: what a row holds; rows that are not written down yet outlive their book (changed.ts).

export class Book<Row extends object> {
  readonly #owner: string;
  readonly #maxRows: number;
  #rows = new Map<string, Row>();
  #roll = 0;

  /** `owner` is a name that no other book ever has. */
  constructor(owner: string, maxRows: number) {
    this.#owner = owner;
    this.#maxRows = maxRows;
  }

  /** Names the owner of rows that are opened now. */
  get incarnation(): string {
    return `${this.#owner}.${this.#roll}`;
  }

  /** Names the owner of rows that will be opened once this book is full. */
  get nextIncarnation(): string {
    return `${this.#owner}.${this.#roll + 1}`;
  }

  find(name: string): Row | undefined {
    return this.#rows.get(name);
  }

  rows(): IterableIterator<Row> {
    return this.#rows.values();
  }

  /** So that the next `rows` rows are opened under one incarnation. True when the book began anew. */
  makeRoom(rows: number): boolean {
    if (this.#rows.size + rows <= this.#maxRows) return false;
    this.#rows = new Map();
    this.#roll += 1;
    return true;
  }

  open(name: string, row: Row): Row {
    this.#rows.set(name, row);
    return row;
  }
}
