// Resolutions by the integers they follow from (see appendMatchKey), bounded: a found one allocates nothing.
//
// Two generations: when the young one is full it becomes the old one and the old one is dropped; what is found in the
// old one moves to the young one. So what is in use stays, at the price of keeping at most twice the bound.
// Keys hold numbers that are never used again for anything else, so successive snapshots may share one memo, and a
// change of one tenant leaves the others warm.
import type { Resolution } from "./snapshot.ts";
import type { IntegerList } from "./trie-integers.ts";

/** Per generation. A resolution weighs 0.5 to 1 KB, so both generations stay below some 12 MB. */
export const MAX_RESOLUTIONS = 6_000;
/** Integers of all keys of a generation (2 MB): keys of odd policy sets may be thousands long. */
export const MAX_KEY_INTEGERS = 500_000;

export class ResolutionMemo {
  #young = new Map<number, Entry>();
  #old = new Map<number, Entry>();
  #entries = 0;
  #integers = 0;

  /** Entries kept now, of both generations. */
  get size(): number {
    return countOf(this.#young) + countOf(this.#old);
  }

  find(key: IntegerList): Resolution | null {
    const hash = hashOf(key);
    const young = entryIn(this.#young.get(hash), key);
    if (young !== null) return young.resolution;
    const old = entryIn(this.#old.get(hash), key);
    if (old === null) return null;
    this.#put(hash, old.key, old.resolution);
    return old.resolution;
  }

  keep(key: IntegerList, resolution: Resolution): void {
    this.#put(hashOf(key), key.copy(), resolution);
  }

  #put(hash: number, key: Int32Array, resolution: Resolution): void {
    if (this.#entries >= MAX_RESOLUTIONS || this.#integers + key.length > MAX_KEY_INTEGERS) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#entries = 0;
      this.#integers = 0;
    }
    this.#young.set(hash, { key, resolution, next: this.#young.get(hash) ?? null });
    this.#entries += 1;
    this.#integers += key.length;
  }
}

/** Entries of one hash form a chain. */
type Entry = Readonly<{ key: Int32Array; resolution: Resolution; next: Entry | null }>;

function entryIn(chain: Entry | undefined, key: IntegerList): Entry | null {
  let entry = chain ?? null;
  while (entry !== null && !isSameKey(entry.key, key)) entry = entry.next;
  return entry;
}

function isSameKey(kept: Int32Array, key: IntegerList): boolean {
  if (kept.length !== key.length) return false;
  const { values } = key;
  for (let index = 0; index < kept.length; index += 1) if (kept[index] !== values[index]) return false;
  return true;
}

/** 30 bits, so that it stays a small integer wherever it is stored. */
function hashOf(key: IntegerList): number {
  const { values, length } = key;
  let hash = 0x811c9dc5;
  for (let index = 0; index < length; index += 1) hash = Math.imul(hash ^ (values[index] ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) & 0x3fffffff;
}

function countOf(generation: ReadonlyMap<number, Entry>): number {
  let count = 0;
  for (const first of generation.values()) {
    for (let entry: Entry | null = first; entry !== null; entry = entry.next) count += 1;
  }
  return count;
}
