// Where the first reply in a buffer ends: HTTP/1.1 with Content-Length, and RESP 2. Just enough for one reply at a time.
import type { Protocol } from "./job.ts";

const CR = 13;

/** The length in bytes of the reply that `bytes` begins with, or -1 while it is incomplete. */
export function replyLength(protocol: Protocol, bytes: Buffer): number {
  return protocol === "http" ? httpLength(bytes) : respEnd(bytes, 0);
}

const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

function httpLength(bytes: Buffer): number {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd === -1) return -1;
  const stated = CONTENT_LENGTH.exec(bytes.toString("latin1", 0, headEnd));
  if (stated === null) throw new Error("The server answered without Content-Length.");
  const length = headEnd + 4 + Number(stated[1]);
  return length <= bytes.length ? length : -1;
}

/** Where the value at `at` ends, or -1. */
function respEnd(bytes: Buffer, at: number): number {
  const lineEnd = bytes.indexOf(CR, at);
  if (lineEnd === -1 || lineEnd + 1 >= bytes.length) return -1;
  const next = lineEnd + 2;
  switch (bytes[at]) {
    case 0x24: {
      const length = Number(bytes.toString("latin1", at + 1, lineEnd));
      const end = length < 0 ? next : next + length + 2;
      return end <= bytes.length ? end : -1;
    }
    case 0x2a: {
      let end = next;
      for (let left = Number(bytes.toString("latin1", at + 1, lineEnd)); left > 0 && end !== -1; left -= 1) {
        end = end < bytes.length ? respEnd(bytes, end) : -1;
      }
      return end;
    }
    default:
      return next;
  }
}
