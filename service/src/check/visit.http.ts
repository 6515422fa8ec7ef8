// One request on its way through a door of the check: who sent it, its trace id, and every way to turn it away.
// Promise: whatever is refused is counted by its code and answered by a problem document; a fault of ours becomes one
// 500 with a trace id, not the end of the process. Not here: what the doors do with a good request.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FieldProblem, ProblemCode } from "@sluice/contract";
import type { Callers } from "../auth/callers.http.ts";
import type { Caller } from "../auth/credentials.ts";
import { refuse } from "../platform/answer.http.ts";
import { type JsonBody, readJson } from "../platform/body.http.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { TraceIds } from "../platform/trace.ts";
import type { Checks } from "./input.ts";

export type CheckDoorParts = Readonly<{
  checks: Checks;
  callers: Callers;
  metrics: Metrics;
  traceIds: TraceIds;
  /** The policy version in force: what an INVALID_REQUEST item of a batch names, as no core decided it. */
  policyVersion: () => number;
  /** A broken promise of the core, to be logged; the peer gets a 500 with the same trace id. */
  onFailure: (cause: unknown, traceId: string) => void;
}>;

export class Visit {
  readonly parts: CheckDoorParts;
  readonly response: ServerResponse;
  readonly traceId: string;
  readonly #request: IncomingMessage;
  readonly #startMs = performance.now();

  constructor(parts: CheckDoorParts, request: IncomingMessage, response: ServerResponse) {
    this.parts = parts;
    this.response = response;
    this.traceId = parts.traceIds(request.headers.traceparent);
    this.#request = request;
  }

  elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  /** Calls `answer` with the parsed body of a POST from a proved caller; anything else is refused here. */
  open(limitBytes: number, answer: (value: unknown, caller: Caller) => void): void {
    const caller = this.#caller();
    if (caller === null) return;
    readJson(this.#request, limitBytes, (body) => {
      if (body.kind !== "ok") {
        this.#refuseBody(body, limitBytes);
        return;
      }
      try {
        answer(body.value, caller);
      } catch (cause) {
        this.fail(cause);
      }
    });
  }

  refuse(code: ProblemCode, detail: string, errors: FieldProblem[] = [], fields: readonly string[] = []): void {
    this.parts.metrics.refusedRequest(code);
    refuse(this.#request, this.response, { code, detail, traceId: this.traceId, errors, fields });
  }

  /** A batch that asks for one foreign tenant is refused as a whole: that is no slip of one item. */
  refuseTenants(pointers: readonly string[]): void {
    const errors = pointers.map((pointer) => ({ pointer, detail: "is a tenant this credential is not bound to" }));
    this.refuse("TENANT_NOT_PERMITTED", "Use a credential that is bound to the tenant.", errors);
  }

  fail(cause: unknown): void {
    this.parts.onFailure(cause, this.traceId);
    // Half an answer cannot be taken back; a closed connection at least is no decision.
    if (this.response.headersSent) this.response.destroy();
    else this.refuse("INTERNAL", "The check could not be answered. The log has the cause under this trace id.");
  }

  /** Null when the request has been refused. */
  #caller(): Caller | null {
    if (this.#request.method !== "POST") {
      this.refuse("METHOD_NOT_ALLOWED", "Use POST.", [], ["Allow", "POST"]);
      return null;
    }
    const caller = this.parts.callers(this.#request);
    if (caller !== null) return caller;
    const detail =
      "Send an active credential in X-Service-Auth, or connect with a client certificate of the service's CA.";
    this.refuse("UNAUTHENTICATED", detail, [], ["WWW-Authenticate", "X-Service-Auth"]);
    return null;
  }

  #refuseBody(body: Exclude<JsonBody, { kind: "ok" }>, limitBytes: number): void {
    switch (body.kind) {
      case "unsupported":
        this.refuse(
          "UNSUPPORTED_MEDIA_TYPE",
          "Send Content-Type: application/json in UTF-8, without Content-Encoding.",
        );
        break;
      case "too_large":
        this.refuse("BODY_TOO_LARGE", `The body may hold at most ${limitBytes} bytes.`);
        break;
      case "malformed":
        this.refuse("INVALID_JSON", body.detail);
    }
  }
}

export function mayAsk(caller: Caller, tenantId: string): boolean {
  return caller.tenants === null || caller.tenants.has(tenantId);
}
