// A circuit breaker for one store node, as a pure state machine: every instant arrives as an argument (ms, monotonic).
// It opens on FAILURES_IN_A_ROW failures, or when half of the last OUTCOMES_KEPT calls failed (a node that is slow, not
// dead). While open nothing passes; PROBES_TO_CLOSE good probes in a row close it, and traffic comes back over RAMP_MS.
// Not here: what counts as a failure, or how a probe is sent (counters/node.redis.ts).

const FAILURES_IN_A_ROW = 5;
const OUTCOMES_KEPT = 32;
const PROBES_TO_CLOSE = 3;
const RAMP_MS = 1_000;

export class Breaker {
  #open = false;
  #outcomes = 0; // bit i set: the call i ago failed
  #count = 0;
  #goodProbes = 0;
  #closedAtMs = Number.NEGATIVE_INFINITY;
  #credit = 0;

  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether one more call may pass. While ramping up, a growing share of calls does, evenly spread. */
  admits(nowMs: number): boolean {
    if (this.#open) return false;
    const sinceMs = nowMs - this.#closedAtMs;
    if (sinceMs >= RAMP_MS) return true;
    this.#credit += sinceMs / RAMP_MS;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }

  succeeded(): void {
    this.#record(0);
  }

  /** True when this failure opened the breaker. */
  failed(): boolean {
    this.#record(1);
    if (this.#open) return false;
    const lastOnes = (1 << FAILURES_IN_A_ROW) - 1;
    const inARow = this.#count >= FAILURES_IN_A_ROW && (this.#outcomes & lastOnes) === lastOnes;
    const halfFailed = this.#count >= OUTCOMES_KEPT && bitsOf(this.#outcomes) >= OUTCOMES_KEPT / 2;
    if (!inARow && !halfFailed) return false;
    this.open();
    return true;
  }

  open(): void {
    this.#open = true;
    this.#goodProbes = 0;
  }

  /** True when this probe closed the breaker. */
  probed(good: boolean, nowMs: number): boolean {
    this.#goodProbes = good ? this.#goodProbes + 1 : 0;
    if (!this.#open || this.#goodProbes < PROBES_TO_CLOSE) return false;
    this.#open = false;
    this.#outcomes = 0;
    this.#count = 0;
    this.#closedAtMs = nowMs;
    this.#credit = 0;
    return true;
  }

  #record(failure: 0 | 1): void {
    this.#outcomes = (this.#outcomes << 1) | failure;
    if (this.#count < OUTCOMES_KEPT) this.#count += 1;
  }
}

function bitsOf(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
