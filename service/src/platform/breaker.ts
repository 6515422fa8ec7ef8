// A circuit breaker for one store node, as a pure state machine: every instant arrives as an argument (ms, monotonic).
//
// - In doubt: FAILURES_IN_A_ROW calls failed and nothing was heard since. One call every SCOUT_EVERY_MS asks whether the node
//   is there, the others do not wait for it. Whatever it replies, however late, ends the doubt: it was a pause.
// - Open: nothing succeeded for FAILING_MS, or half of the calls of the last second failed (a node that is slow, not dead).
//   Nothing passes; PROBES_TO_CLOSE good probes in a row close it, and traffic comes back over as long as it was open, at
//   most RAMP_MS. To open for a pause would cost many times what the pause itself does (decision 0019).
// Not here: what counts as a failure, or how a probe is sent (counters/node.redis.ts).

const FAILURES_IN_A_ROW = 5;
const SCOUT_EVERY_MS = 25;
const FAILING_MS = 100;
/** The last second is this half of it that goes on, and the one before. */
const HALF_MS = 500;
const LEAST_OUTCOMES = 16;
const PROBES_TO_CLOSE = 3;
const RAMP_MS = 1_000;

type Outcomes = { failed: number; of: number };

export class Breaker {
  #openedAtMs: number | null = null;
  #failuresInARow = 0;
  #failingSinceMs = 0;
  #failuresSinceHeard = 0;
  #scoutedAtMs = Number.NEGATIVE_INFINITY;
  #halfBeganMs = 0;
  #half: Outcomes = { failed: 0, of: 0 };
  #halfBefore: Outcomes = { failed: 0, of: 0 };
  #goodProbes = 0;
  #closedAtMs = Number.NEGATIVE_INFINITY;
  #rampMs = RAMP_MS;
  #credit = 0;

  get isOpen(): boolean {
    return this.#openedAtMs !== null;
  }

  /** Whether one more call may pass. While ramping up, a growing share of calls does, evenly spread. */
  admits(nowMs: number): boolean {
    if (this.isOpen) return false;
    if (this.#failuresSinceHeard >= FAILURES_IN_A_ROW && !this.#sendsScout(nowMs)) return false;
    const sinceMs = nowMs - this.#closedAtMs;
    if (sinceMs >= this.#rampMs) return true;
    this.#credit += sinceMs / this.#rampMs;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }

  succeeded(nowMs: number): void {
    this.heard();
    this.#failuresInARow = 0;
    this.#turnTo(nowMs);
    this.#half.of += 1;
  }

  /** A reply came, be it too late for whoever waited. */
  heard(): void {
    this.#failuresSinceHeard = 0;
  }

  /** True when this failure opened the breaker. */
  failed(nowMs: number): boolean {
    if (this.#failuresInARow === 0) this.#failingSinceMs = nowMs;
    this.#failuresInARow += 1;
    this.#failuresSinceHeard += 1;
    this.#turnTo(nowMs);
    this.#half.of += 1;
    this.#half.failed += 1;
    if (this.isOpen || !(this.#isDead(nowMs) || this.#isSlow())) return false;
    this.#openedAtMs = nowMs;
    this.#goodProbes = 0;
    return true;
  }

  /** True when this probe closed the breaker. */
  probed(good: boolean, nowMs: number): boolean {
    this.#goodProbes = good ? this.#goodProbes + 1 : 0;
    if (this.#openedAtMs === null || this.#goodProbes < PROBES_TO_CLOSE) return false;
    this.#rampMs = Math.min(RAMP_MS, nowMs - this.#openedAtMs);
    this.#openedAtMs = null;
    this.#closedAtMs = nowMs;
    this.#credit = 0;
    this.#failuresInARow = 0;
    this.#failuresSinceHeard = 0;
    this.#half = { failed: 0, of: 0 };
    this.#halfBefore = { failed: 0, of: 0 };
    return true;
  }

  #sendsScout(nowMs: number): boolean {
    if (nowMs - this.#scoutedAtMs < SCOUT_EVERY_MS) return false;
    this.#scoutedAtMs = nowMs;
    return true;
  }

  #isDead(nowMs: number): boolean {
    return this.#failuresInARow >= FAILURES_IN_A_ROW && nowMs - this.#failingSinceMs >= FAILING_MS;
  }

  /** Judged by the half second that is over, too: a moment in which little was asked says nothing. */
  #isSlow(): boolean {
    if (this.#halfBefore.of === 0) return false;
    const of = this.#halfBefore.of + this.#half.of;
    return of >= LEAST_OUTCOMES && (this.#halfBefore.failed + this.#half.failed) * 2 >= of;
  }

  #turnTo(nowMs: number): void {
    const sinceMs = nowMs - this.#halfBeganMs;
    if (sinceMs < HALF_MS) return;
    this.#halfBefore = sinceMs < 2 * HALF_MS ? this.#half : { failed: 0, of: 0 };
    this.#half = { failed: 0, of: 0 };
    this.#halfBeganMs = nowMs;
  }
}
