// The port to "how many workers share a limit": asked once, when an outage begins.
// A census may live in the very store that is away, hence the promise on ageing.

export interface WorkerCensus {
  /**
   * The largest number of live workers of the whole deployment seen in the last ten minutes, ≥ 1.
   * While no census can be taken the last figures do not age: an outage must not make a worker believe it is alone.
   */
  largestLately(): number;
  /**
   * This worker's place among them, an integer ≥ 0 that differs between workers as far as is known (its rank among the
   * live ones, else a hash of its id). It decides whose turn it is when a limit is smaller than the number of workers.
   */
  ordinal(): number;
}

/** The census of a process that shares its limits with nobody. */
export const ALONE: WorkerCensus = { largestLately: () => 1, ordinal: () => 0 };
