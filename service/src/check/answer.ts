// What the core answers a door with: the decision as the wire shows it, and the one limit the headers speak of.
// Not here: how either is computed (check.ts, decision.ts) or written down (decision-json.ts, headers.ts).
import type { Decision, Window } from "@sluice/contract";

/**
 * The tightest limit of a check: the one with the least room left, over all scopes and windows.
 * `resetSeconds` runs to the end of its bucket or calendar period, rounded up.
 */
export type Tightest = Readonly<{ window: Window; limit: number; remaining: number; resetSeconds: number }>;

/** `tightest` is null when nothing limits: unknown tenant, unlimited, or answered by the Fallback. */
export type Answer = Readonly<{ decision: Decision; tightest: Tightest | null }>;
