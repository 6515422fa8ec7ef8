// One check as the core understands it: parsed, normalised, trusted. Every door translates to this and nothing else.
import type { Answer } from "./answer.ts";

export type CheckInput = Readonly<{
  tenantId: string;
  /** ANONYMOUS_USER when the caller names none. */
  user: string;
  /** The normalised path, cut into segments: see policies/path.ts. */
  segments: readonly string[];
  /** Upper-cased RFC 9110 token. */
  httpMethod: string;
  /** 0..MAX_COST. */
  cost: number;
  requestId: string | null;
}>;

/** The answers' source: what a door needs of the core. Never rejects for an outage; only a broken promise throws. */
export interface Checks {
  check(input: CheckInput, traceId: string): Promise<Answer>;
  /** Answers in the order of `inputs`; checks of one tenant see the ones before them. At most MAX_BATCH_CHECKS. */
  checkBatch(inputs: readonly CheckInput[], traceId: string): Promise<Answer[]>;
}
