// A map whose entries end at a given instant: read, an ended entry is absent; kept in memory, it is dropped soon after.
// Every entry that is put pays for looking at two others, so ended entries can never outnumber the living for long, and
// there is neither a timer nor a pause. Whoever puts nothing pays nothing, and the map does not grow meanwhile either.
// Pure: the caller brings the instant.

/** Looked at per put: more than the one entry a put may add, so that the sweep overtakes the growth. */
const SWEPT_PER_PUT = 2;

export class ExpiringMap<Value> {
  readonly #entries = new Map<string, { value: Value; untilMs: number }>();
  readonly #maxEntries: number;
  #sweep = this.#entries.entries();

  /** Beyond `maxEntries` the oldest entry makes room. */
  constructor(maxEntries = Number.POSITIVE_INFINITY) {
    this.#maxEntries = maxEntries;
  }

  get(key: string, nowMs: number): Value | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.untilMs > nowMs ? entry.value : undefined;
  }

  /** Sets the value; kept until `untilMs` (exclusive) or as long as an earlier put asked for, whichever is later. */
  put(key: string, value: Value, untilMs: number, nowMs: number): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      entry.value = value;
      entry.untilMs = Math.max(entry.untilMs, untilMs);
    } else {
      this.#entries.set(key, { value, untilMs });
      if (this.#entries.size > this.#maxEntries) this.#dropOldest();
    }
    this.#sweepSome(nowMs);
  }

  /** What is held in memory, ended entries not yet dropped included. */
  keys(): string[] {
    return [...this.#entries.keys()];
  }

  #dropOldest(): void {
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }

  /** A Map iterator lives through deletions and meets later additions, so the sweep goes round for ever. */
  #sweepSome(nowMs: number): void {
    for (let step = 0; step < SWEPT_PER_PUT; step += 1) {
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = this.#entries.entries();
        return;
      }
      const [key, entry] = next.value;
      if (entry.untilMs <= nowMs) this.#entries.delete(key);
    }
  }
}
