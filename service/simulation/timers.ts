// `node:timers/promises` in the time of the simulation, as far as the service uses it.

/** Rejects when `signal` is aborted before. */
export function setTimeout<Value>(
  waitMs: number,
  value?: Value,
  { signal }: { signal?: AbortSignal } = {},
): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const timer = globalThis.setTimeout(() => resolve(value), waitMs);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** Nothing here runs long enough to let others run. */
export async function setImmediate(): Promise<void> {}
