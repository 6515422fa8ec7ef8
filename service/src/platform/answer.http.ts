// Writes answers: one head, one body, one write. And refusals, which may come before the body of the request was read.
// Promise: a body larger than the limit is not read. The answer is sent, reading stops, and the connection is closed
// after a moment in which the peer can still see why; closing at once would reset the connection under the answer.
import type { IncomingMessage, ServerResponse } from "node:http";
import { type FieldProblem, type ProblemCode, problem } from "@sluice/contract";
import { languageOf } from "./language.ts";

/** An unread body up to this size is let through to the bin, so that the connection can be kept. */
const MAX_DISCARDED_BYTES = 64 * 1024;
/** How long a peer that still sends can read the refusal. */
const LINGER_MS = 500;

/** `fields` are further header names and values in turn. */
export function sendJson(response: ServerResponse, status: number, body: string, fields: readonly string[] = []): void {
  response.writeHead(status, [
    "Content-Type",
    "application/json",
    "Content-Length",
    `${Buffer.byteLength(body)}`,
    ...fields,
  ]);
  response.end(body);
}

export type Refusal = Readonly<{
  code: ProblemCode;
  detail: string;
  traceId: string;
  errors?: FieldProblem[];
  /** Header names and values in turn. */
  fields?: readonly string[];
}>;

/** Answers with a problem document in the caller's language; safe whether or not the request's body was read. */
export function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  const language = languageOf(request.headers["accept-language"]);
  const document = problem(refusal.code, refusal.detail, refusal.errors ?? [], refusal.traceId, language);
  const body = JSON.stringify(document);
  const fields = [
    "Content-Type",
    "application/problem+json",
    "Content-Language",
    language,
    "Vary",
    "Accept-Language",
    "Content-Length",
    `${Buffer.byteLength(body)}`,
    ...(refusal.fields ?? []),
  ];
  if (request.complete || unreadBytes(request) <= MAX_DISCARDED_BYTES) {
    response.writeHead(document.status, fields);
    response.end(body);
    return;
  }
  response.writeHead(document.status, [...fields, "Connection", "close"]);
  // Complete for the peer (Content-Length), not yet for node, which would close the connection at once.
  response.write(body);
  request.pause();
  const linger = setTimeout(() => request.socket.destroy(), LINGER_MS);
  request.socket.once("close", () => clearTimeout(linger));
}

/** What the peer says it will send; a chunked body says nothing, so it counts as endless. */
function unreadBytes(request: IncomingMessage): number {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if (encoding !== undefined) return Number.POSITIVE_INFINITY;
  return length === undefined ? 0 : Number(length);
}
