// Reads the JSON body of a request, bounded.
// Promise: no more than the limit is ever held; a body that says it is larger is not read at all. A request whose peer
// vanishes is never reported: there is nobody to answer.
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";

export type JsonBody =
  | Readonly<{ kind: "ok"; value: unknown }>
  | Readonly<{ kind: "unsupported" }>
  | Readonly<{ kind: "too_large" }>
  | Readonly<{ kind: "malformed"; detail: string }>;

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i;

/** Calls `done` at most once, synchronously when the head of the request already decides. */
export function readJson(request: IncomingMessage, limitBytes: number, done: (body: JsonBody) => void): void {
  const { headers } = request;
  if (!isJson(headers["content-type"]) || headers["content-encoding"] !== undefined) done({ kind: "unsupported" });
  else if (Number(headers["content-length"] ?? 0) > limitBytes) done({ kind: "too_large" });
  else collect(request, limitBytes, done);
}

function isJson(type: string | undefined): boolean {
  return type === "application/json" || (type !== undefined && JSON_TYPE.test(type));
}

function collect(request: IncomingMessage, limitBytes: number, done: (body: JsonBody) => void): void {
  // One chunk is the rule: it is parsed where it lies.
  let first: Buffer | null = null;
  let further: Buffer[] | null = null;
  let bytes = 0;
  const onData = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limitBytes) {
      request.off("data", onData);
      request.off("end", onEnd);
      done({ kind: "too_large" });
    } else if (first === null) first = chunk;
    else if (further === null) further = [first, chunk];
    else further.push(chunk);
  };
  const onEnd = () => {
    if (first === null) done({ kind: "malformed", detail: "The body is empty; send a JSON object." });
    else done(parse(further === null ? first : Buffer.concat(further, bytes)));
  };
  request.on("data", onData);
  request.on("end", onEnd);
}

function parse(body: Buffer): JsonBody {
  // Decoding would replace bad bytes silently, and two different ids could become one.
  if (!isUtf8(body)) return { kind: "malformed", detail: "The body is not valid UTF-8." };
  try {
    return { kind: "ok", value: JSON.parse(body.toString("utf8")) };
  } catch {
    return { kind: "malformed", detail: "The body is not valid JSON (RFC 8259)." };
  }
}
