// A request that cannot be done as things stand: a value that travels as an exception from wherever it is found, often
// inside a transaction that must roll back, to the edge, which maps each code to its status once.
// Not here: malformed requests (the schemas refuse them) and faults of ours (anything else that is thrown).
import type { FieldProblem, ProblemCode } from "@sluice/contract";

/** The codes of the closed list (contract) that anything but a door may choose. */
export type RefusalCode = Extract<
  ProblemCode,
  | "NOT_FOUND"
  | "IN_USE"
  | "TAKEN"
  | "RESERVED"
  | "UNKNOWN_REFERENCE"
  | "OUT_OF_RANGE"
  | "CONFLICT"
  | "STALE"
  | "ETAG_REQUIRED"
  | "IDEMPOTENCY_KEY_IN_PROGRESS"
  | "IDEMPOTENCY_KEY_REUSED"
  | "INVALID_REQUEST"
  | "METHOD_NOT_ALLOWED"
  | "FORBIDDEN"
  | "UNAUTHENTICATED"
  | "WRONG_PASSWORD"
  | "TOO_MANY_ATTEMPTS"
  | "WEAK_PASSWORD"
  | "UNAVAILABLE"
>;

/** The message is public: it says what is wrong and how to go on. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly errors: readonly FieldProblem[];
  /** After how long it may be tried again, milliseconds; null = time alone changes nothing. */
  readonly retryAfterMs: number | null;

  constructor(
    code: RefusalCode,
    message: string,
    rest: Readonly<{ errors?: readonly FieldProblem[]; retryAfterMs?: number; cause?: unknown }> = {},
  ) {
    super(message, rest.cause === undefined ? undefined : { cause: rest.cause });
    this.code = code;
    this.errors = rest.errors ?? [];
    this.retryAfterMs = rest.retryAfterMs ?? null;
  }
}
