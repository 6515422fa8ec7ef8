// What went wrong, as a code with a public detail: whatever a handler, the framework or the database throws. Pure.
// Promise: nothing of a private cause reaches the peer; PostgreSQL away is a 503, for the request was not at fault.
import type { FieldProblem, ProblemCode } from "@sluice/contract";
import { OutcomeUnknown } from "../platform/postgres-commit.ts";
import { Refusal } from "../platform/refusal.ts";

export type Fault = Readonly<{
  code: ProblemCode;
  detail: string;
  errors: readonly FieldProblem[];
  retryAfterMs: number | null;
  /** A fault of ours: to be logged under the trace id. */
  isOurs: boolean;
}>;

const RETRY_DATABASE_MS = 2_000;
/** SQLSTATE classes and codes: connection exceptions, shutdown, recovery, too many connections, read-only standby. */
const DATABASE_AWAY = /^(?:08...|57P0[1-4]|53300|25006)$/;
/** Its disk or memory is full, or its disk fails: the transaction was rolled back. */
const DATABASE_FULL = /^(?:53100|53200|58030)$/;
/** Lock not available, statement cancelled by its timeout, deadlock, serialisation failure. */
const DATABASE_BUSY = /^(?:55P03|57014|40P01|40001)$/;
/** A value that no column takes, and no schema here could know: out of range, no such instant, NUL in a text. */
const VALUE_REFUSED = /^(?:22003|22008|22021|22P02|22P05)$/;
const SOCKET_FAULTS = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EHOSTUNREACH",
  "ENOENT",
]);
const POOL_FAULT =
  /timeout exceeded when trying to connect|Connection terminated|Cannot use a pool after|Client (?:has encountered a connection error|was closed)|Query read timeout|timeout expired/;

export function faultOf(thrown: unknown): Fault {
  if (thrown instanceof Refusal) {
    const { code, message, errors, retryAfterMs } = thrown;
    return { code, detail: message, errors, retryAfterMs, isOurs: false };
  }
  if (thrown instanceof OutcomeUnknown) return UNKNOWN;
  const {
    code = "",
    message = "",
    statusCode,
  } = thrown as Partial<Record<"code" | "message", string>> & { statusCode?: number };
  if (DATABASE_AWAY.test(code) || SOCKET_FAULTS.has(code) || POOL_FAULT.test(message)) return UNAVAILABLE;
  if (DATABASE_FULL.test(code)) return FULL;
  if (DATABASE_BUSY.test(code)) return BUSY;
  if (VALUE_REFUSED.test(code)) return UNSTORABLE;
  return ofFramework(statusCode) ?? INTERNAL;
}

/** What the HTTP framework refuses by itself, before a route is asked. */
function ofFramework(status: number | undefined): Fault | null {
  const plain = (code: ProblemCode, detail: string): Fault => ({
    code,
    detail,
    errors: [],
    retryAfterMs: null,
    isOurs: false,
  });
  switch (status) {
    case 400:
      return plain("INVALID_JSON", "The body is not valid JSON (RFC 8259) in UTF-8.");
    case 413:
      return plain("BODY_TOO_LARGE", "The body is larger than this route reads.");
    case 414:
      return plain("INVALID_REQUEST", "A part of the path is longer than allowed.");
    case 415:
      return plain("UNSUPPORTED_MEDIA_TYPE", "Send Content-Type: application/json.");
    default:
      return null;
  }
}

const UNAVAILABLE: Fault = {
  code: "UNAVAILABLE",
  detail: "PostgreSQL cannot be reached. Checks go on; administration goes on when it is back.",
  errors: [],
  retryAfterMs: RETRY_DATABASE_MS,
  isOurs: false,
};

/** The caller can only wait; whoever runs PostgreSQL is told by the log. */
const FULL: Fault = {
  ...UNAVAILABLE,
  detail: "PostgreSQL has no room to write. Nothing was changed, and checks go on: send it again when there is room.",
  isOurs: true,
};

const UNKNOWN: Fault = {
  ...UNAVAILABLE,
  detail:
    "PostgreSQL did not confirm the change in time: whether it was made is not known. Send it again with the same " +
    "Idempotency-Key; without one, read first.",
};

const UNSTORABLE: Fault = {
  code: "INVALID_REQUEST",
  detail: "A value is out of range, or holds what the database cannot: NUL, or an instant that does not exist.",
  errors: [],
  retryAfterMs: null,
  isOurs: false,
};

const BUSY: Fault = {
  ...UNAVAILABLE,
  detail: "Another change holds the same rows, or the database is too busy. Nothing was changed: send it again.",
};

const INTERNAL: Fault = {
  code: "INTERNAL",
  detail: "The request could not be answered. The log has the cause under this trace id.",
  errors: [],
  retryAfterMs: null,
  isOurs: true,
};
