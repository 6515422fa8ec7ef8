// A column by row number, in pages: a changed copy shares every page that did not change.
// Changing one row of 100 000 copies one page and the list of pages, some 6 KB.

const PAGE_BITS = 9;
const ROWS_PER_PAGE = 1 << PAGE_BITS;

export class Pages<Value> {
  readonly #pages: readonly Page<Value>[];

  constructor(pages: readonly Page<Value>[] = []) {
    this.#pages = pages;
  }

  /** Undefined where nothing was ever set, or it was set to undefined. */
  get(row: number): Value | undefined {
    return this.#pages[row >>> PAGE_BITS]?.[row & (ROWS_PER_PAGE - 1)];
  }

  edit(): PagesDraft<Value> {
    return new PagesDraft(this.#pages);
  }
}

/** The next version of a column, written row by row. */
export class PagesDraft<Value> {
  readonly #pages: Page<Value>[];
  readonly #copied = new Map<number, (Value | undefined)[]>();

  constructor(pages: readonly Page<Value>[]) {
    this.#pages = [...pages];
  }

  get(row: number): Value | undefined {
    return this.#pages[row >>> PAGE_BITS]?.[row & (ROWS_PER_PAGE - 1)];
  }

  set(row: number, value: Value | undefined): void {
    this.#writable(row >>> PAGE_BITS)[row & (ROWS_PER_PAGE - 1)] = value;
  }

  /** The draft must not be written to afterwards: its pages are the column's. */
  finish(): Pages<Value> {
    return new Pages(this.#pages);
  }

  #writable(page: number): (Value | undefined)[] {
    const copied = this.#copied.get(page);
    if (copied !== undefined) return copied;
    while (this.#pages.length <= page) this.#pages.push(undefined);
    const fresh = this.#pages[page]?.slice() ?? new Array<Value | undefined>(ROWS_PER_PAGE).fill(undefined);
    this.#copied.set(page, fresh);
    this.#pages[page] = fresh;
    return fresh;
  }
}

type Page<Value> = readonly (Value | undefined)[] | undefined;
