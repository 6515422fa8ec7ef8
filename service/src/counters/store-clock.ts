// An estimate of the store's clock that is never ahead of it: the greatest (answered − own monotonic) offset of late,
// because the answer that travelled shortest is the truest. A store whose clock steps back is believed after HOLD_MS.
// Used for choosing periods and for how long a take stays valid, never for counting.

const HOLD_MS = 5_000;

export class StoreClock {
  #offsetMs = Date.now() - performance.now();
  #raisedAtMs = Number.NEGATIVE_INFINITY;

  /** The store said it is `storeNowMs` (UTC) in an answer that just arrived. */
  observe(storeNowMs: number): void {
    const nowMs = performance.now();
    const offsetMs = storeNowMs - nowMs;
    if (offsetMs < this.#offsetMs && nowMs - this.#raisedAtMs < HOLD_MS) return;
    this.#offsetMs = offsetMs;
    this.#raisedAtMs = nowMs;
  }

  nowMs(): number {
    return Math.floor(performance.now() + this.#offsetMs);
  }
}
