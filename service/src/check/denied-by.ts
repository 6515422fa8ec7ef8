// A limit as an answer names it. Pure.
import type { DeniedBy } from "@sluice/contract";
import type { WindowLimit } from "../counters/claim.ts";

/** `used` is what stood in the window before the check, rounded up. */
export function deniedByOf(limit: WindowLimit, used: number): DeniedBy {
  const { policyId, target, scope } = limit.source;
  return { policyId, target, scope, window: limit.window, limit: limit.capacity, used };
}
