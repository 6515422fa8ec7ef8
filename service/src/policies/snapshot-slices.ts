// Long work cut into slices, so that a compile never holds the thread for more than about a millisecond.
// Counted in units of work and not in time: no clock is read here, and a run cuts the same way every time.

/** Lets others run: a promise that resolves after a turn of the event loop (`setImmediate`), handed in. */
export type Pause = () => Promise<void>;

/** Units of some 1 to 4 microseconds each (one tenant, one segment of a pattern): below 1 ms even on a slow, busy core. */
export const UNITS_PER_SLICE = 100;

export class Slices {
  readonly #pause: Pause;
  #left = UNITS_PER_SLICE;

  constructor(pause: Pause) {
    this.#pause = pause;
  }

  /** True when the slice is used up: then `await rest()`. Apart from it, so that a unit of work awaits nothing. */
  spent(units: number): boolean {
    this.#left -= units;
    return this.#left <= 0;
  }

  async rest(): Promise<void> {
    this.#left = UNITS_PER_SLICE;
    await this.#pause();
  }
}
