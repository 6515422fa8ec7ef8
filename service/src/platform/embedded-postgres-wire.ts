// The PostgreSQL wire protocol as far as sharing one session needs it: where messages end, and what a few of them mean.
// Pure. https://www.postgresql.org/docs/current/protocol-message-formats.html
// Not here: sockets and turns (embedded-postgres-server.ts); no message is understood beyond its type.

const PROTOCOL_3 = 196_608;
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;
const HEADER_BYTES = 5;
/** Far above any statement of ours; a length beyond it is a peer that does not speak the protocol. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** The first thing a client sends: untyped. */
export type Opening =
  | Readonly<{ kind: "incomplete" }>
  | Readonly<{ kind: "startup" | "encryption" | "cancel" | "unknown"; message: Buffer; rest: Buffer }>;

export function readOpening(bytes: Buffer): Opening {
  if (bytes.length < 8) return { kind: "incomplete" };
  const length = bytes.readInt32BE(0);
  const code = bytes.readInt32BE(4);
  if (length < 8 || length > MAX_MESSAGE_BYTES) return { kind: "unknown", message: bytes, rest: Buffer.alloc(0) };
  if (bytes.length < length) return { kind: "incomplete" };
  const kinds = { [PROTOCOL_3]: "startup", [SSL_REQUEST]: "encryption", [GSS_REQUEST]: "encryption" } as const;
  const kind = code === CANCEL_REQUEST ? "cancel" : (kinds[code as keyof typeof kinds] ?? "unknown");
  return { kind, message: bytes.subarray(0, length), rest: bytes.subarray(length) };
}

export type Messages = Readonly<{ messages: readonly Buffer[]; rest: Buffer; isBroken: boolean }>;

/** The complete messages of `bytes` in order, and what is left of an incomplete one. An impossible length is the end. */
export function readMessages(bytes: Buffer): Messages {
  const messages: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= HEADER_BYTES) {
    const length = 1 + bytes.readInt32BE(at + 1);
    if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
      return { messages, rest: Buffer.alloc(0), isBroken: true };
    }
    if (bytes.length - at < length) break;
    messages.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { messages, rest: bytes.subarray(at), isBroken: false };
}

/** Whether the server answers now: Query, Sync, Flush, FunctionCall, and the ends of a COPY. */
export function asksForAnswer(message: Buffer): boolean {
  return "QSHFcf".includes(typeOf(message));
}

export function isTerminate(message: Buffer): boolean {
  return typeOf(message) === "X";
}

/** NotificationResponse: belongs to every connection, whichever was answered with it. */
export function isNotification(message: Buffer): boolean {
  return typeOf(message) === "A";
}

/** Whether the session is free for another connection after these answers: the last one says "ready, no transaction". */
export function leavesSessionIdle(answers: readonly Buffer[]): boolean {
  const last = answers.at(-1);
  return last !== undefined && typeOf(last) === "Z" && last[HEADER_BYTES] === "I".charCodeAt(0);
}

/** A simple Query. */
export function queryMessage(sql: string): Buffer {
  const body = Buffer.from(`${sql}\0`);
  const header = Buffer.alloc(HEADER_BYTES);
  header.write("Q");
  header.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([header, body]);
}

/** Ends an extended query: the server forgets a fault and answers "ready". */
export function syncMessage(): Buffer {
  const message = Buffer.alloc(HEADER_BYTES);
  message.write("S");
  message.writeInt32BE(4, 1);
  return message;
}

function typeOf(message: Buffer): string {
  return String.fromCharCode(message[0] ?? 0);
}
