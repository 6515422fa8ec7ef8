// A clock that all threads and processes of this machine share: performance.now() counts from the start of each.

/** Milliseconds from an arbitrary instant, monotonic. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
