// Tenant ids as bytes, numbered in order of arrival: id to row and back, without one JavaScript object per tenant.
//
// Rows are only ever added, so successive snapshots share one table; whether a row holds a tenant is a column's business
// (tenant-table.ts). Nothing grows by copying everything, so no addition stalls: bytes lie in blocks, and the index is
// BUCKETS small open-addressing tables that each double on their own (100 000 ids: some 100 in each).

export class TenantIds {
  readonly #blocks: Buffer[] = [];
  #used = BLOCK_BYTES;
  /** Where each row's id begins, its length byte first; in pages of STARTS_PER_PAGE. */
  readonly #starts: Uint32Array[] = [];
  readonly #index: (Int32Array | undefined)[] = new Array<Int32Array | undefined>(BUCKETS).fill(undefined);
  readonly #indexed = new Uint32Array(BUCKETS);
  #size = 0;

  /** Rows 0 .. size − 1. */
  get size(): number {
    return this.#size;
  }

  /** Row of `id`, -1 when it was never added. */
  find(id: string): number {
    const hash = hashOf(id);
    const slots = this.#index[hash & (BUCKETS - 1)];
    if (slots === undefined) return MISSING;
    const slot = this.#slotOf(slots, hash, id);
    return (slots[slot] ?? 0) - 1;
  }

  /** Row of `id`, which is added when it is new. ASCII of 1 to 255 characters, as the contract's ids are. */
  add(id: string): number {
    const known = this.find(id);
    if (known !== MISSING) return known;
    const row = this.#size;
    this.#write(row, id);
    this.#size += 1;
    const hash = hashOf(id);
    const bucket = hash & (BUCKETS - 1);
    const slots = this.#roomIn(bucket);
    slots[this.#slotOf(slots, hash, id)] = row + 1;
    this.#indexed[bucket] = (this.#indexed[bucket] ?? 0) + 1;
    return row;
  }

  idOf(row: number): string {
    const start = this.#startOf(row);
    const block = this.#blockOf(start);
    const from = (start & (BLOCK_BYTES - 1)) + 1;
    return block.toString("latin1", from, from + (block[from - 1] ?? 0));
  }

  /** The slot that holds `id`, or the empty one where it belongs. Slots hold row + 1; 0 = empty. */
  #slotOf(slots: Int32Array, hash: number, id: string): number {
    const mask = slots.length - 1;
    let slot = (hash >>> BUCKET_BITS) & mask;
    for (;;) {
      const entry = slots[slot] ?? 0;
      if (entry === 0 || this.#isAt(entry - 1, id)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  /** From the end: ids of one operator tend to begin alike. */
  #isAt(row: number, id: string): boolean {
    const start = this.#startOf(row);
    const block = this.#blockOf(start);
    const from = start & (BLOCK_BYTES - 1);
    if (block[from] !== id.length) return false;
    for (let at = id.length; at > 0; at -= 1) if (block[from + at] !== id.charCodeAt(at - 1)) return false;
    return true;
  }

  #write(row: number, id: string): void {
    if (id.length < 1 || id.length > 255) throw new RangeError(`a tenant id has 1 to 255 characters, not ${id.length}`);
    if (this.#used + id.length + 1 > BLOCK_BYTES) {
      this.#blocks.push(Buffer.alloc(BLOCK_BYTES));
      this.#used = 0;
    }
    const start = (this.#blocks.length - 1) * BLOCK_BYTES + this.#used;
    const block = this.#blockOf(start);
    block[this.#used] = id.length;
    for (let at = 0; at < id.length; at += 1) block[this.#used + 1 + at] = id.charCodeAt(at);
    this.#used += id.length + 1;
    if (row % STARTS_PER_PAGE === 0) this.#starts.push(new Uint32Array(STARTS_PER_PAGE));
    const page = this.#starts.at(-1);
    if (page !== undefined) page[row % STARTS_PER_PAGE] = start;
  }

  /** The bucket's slots with room for one more, at most half full. */
  #roomIn(bucket: number): Int32Array {
    const slots = this.#index[bucket];
    if (slots !== undefined && (this.#indexed[bucket] ?? 0) * 2 < slots.length) return slots;
    const larger = new Int32Array(slots === undefined ? 4 : slots.length * 2);
    for (const entry of slots ?? []) {
      if (entry === 0) continue;
      const id = this.idOf(entry - 1);
      larger[this.#slotOf(larger, hashOf(id), id)] = entry;
    }
    this.#index[bucket] = larger;
    return larger;
  }

  #startOf(row: number): number {
    return this.#starts[row >>> STARTS_BITS]?.[row & (STARTS_PER_PAGE - 1)] ?? 0;
  }

  #blockOf(start: number): Buffer {
    return this.#blocks[start >>> BLOCK_BITS] ?? NO_BYTES;
  }
}

const MISSING = -1;
const BLOCK_BITS = 16;
const BLOCK_BYTES = 1 << BLOCK_BITS;
const STARTS_BITS = 12;
const STARTS_PER_PAGE = 1 << STARTS_BITS;
const BUCKET_BITS = 10;
const BUCKETS = 1 << BUCKET_BITS;
const NO_BYTES = Buffer.alloc(0);

/** FNV-1a over the characters, its bits mixed (the bucket takes the lowest, the slot the next ones). */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  return hash ^ (hash >>> 15);
}
