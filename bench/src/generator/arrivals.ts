// When the requests of an open loop are due: a Poisson process, the same for the same seed.

/** Offsets in milliseconds, ascending, from 0 to `seconds`; about `perSecond * seconds` of them. */
export function arrivals(perSecond: number, seconds: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  const offsetsMs: number[] = [];
  for (let atMs = 0; ; ) {
    atMs -= (Math.log(1 - random()) * 1_000) / perSecond;
    if (atMs >= seconds * 1_000) return Float64Array.from(offsetsMs);
    offsetsMs.push(atMs);
  }
}

/** Mulberry32: 32 bits of state are plenty for arrivals. 0 <= value < 1. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
