// Waiting for a condition with a bound, instead of sleeping.
import { setTimeout as pause } from "node:timers/promises";

const PAUSE_MS = 10;

/** Asks `probe` until it gives something truthy, and returns that. Throws, naming `what`, after `timeoutMs`. */
export async function waitFor<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<Exclude<Awaited<T>, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs;
  let lastFault = "";
  for (;;) {
    try {
      const found = await probe();
      if (found) return found as Exclude<Awaited<T>, false | null | undefined>;
      lastFault = "";
    } catch (fault) {
      lastFault = ` Last fault: ${fault instanceof Error ? fault.message : String(fault)}`;
    }
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for: ${what}.${lastFault}`);
    await pause(PAUSE_MS);
  }
}
