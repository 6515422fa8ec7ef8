// A request that cannot be done as things stand: a value that travels as an exception from wherever it is found, often
// inside a transaction that must roll back, to the edge, which maps each code to its status once.
// Not here: malformed requests (the schemas refuse them) and faults of ours (anything else that is thrown).

export type RefusalCode =
  | "NOT_FOUND"
  | "IN_USE"
  | "TAKEN"
  | "RESERVED"
  | "UNKNOWN_REFERENCE"
  | "OUT_OF_RANGE"
  | "CONFLICT"
  | "FORBIDDEN"
  | "UNAUTHENTICATED"
  | "TOO_MANY_ATTEMPTS"
  | "WEAK_PASSWORD"
  | "UNAVAILABLE";

/** `pointer` is a JSON Pointer (RFC 6901) into the request's body. */
export type RefusedField = Readonly<{ pointer: string; detail: string }>;

/** The message is public: it says what is wrong and how to go on. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly errors: readonly RefusedField[];
  /** After how long it may be tried again, milliseconds; null = time alone changes nothing. */
  readonly retryAfterMs: number | null;

  constructor(
    code: RefusalCode,
    message: string,
    rest: Readonly<{ errors?: readonly RefusedField[]; retryAfterMs?: number; cause?: unknown }> = {},
  ) {
    super(message, rest.cause === undefined ? undefined : { cause: rest.cause });
    this.code = code;
    this.errors = rest.errors ?? [];
    this.retryAfterMs = rest.retryAfterMs ?? null;
  }
}
