// The trace id of a request: the caller's, from a valid W3C `traceparent`, else one of our own.
// Our own is a random prefix of this process and a counter: unique, and no random bytes are drawn per request.
import { randomBytes } from "node:crypto";

/** version-traceid-parentid-flags; a later version may append fields after another dash. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** Returns the trace id (32 lower-case hexadecimal digits) for a `traceparent` header or its absence. */
export type TraceIds = (traceparent: string | string[] | undefined) => string;

export function createTraceIds(prefix: string = randomBytes(10).toString("hex")): TraceIds {
  if (!/^[0-9a-f]{20}$/.test(prefix)) throw new Error("the prefix of trace ids must be 20 hexadecimal digits");
  let issued = 0;
  return (traceparent) => {
    if (typeof traceparent === "string") {
      const parts = TRACEPARENT.exec(traceparent);
      // Version 00 has exactly four fields.
      if (parts?.[2] !== undefined && (parts[1] !== "00" || parts[3] === undefined)) return parts[2];
    }
    issued += 1;
    return prefix + issued.toString(16).padStart(12, "0");
  };
}
