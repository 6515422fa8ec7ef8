// The doors of the check on bare node:http: POST /internal/rate-limit/check and .../batch; other paths go to `rest`.
// In order: trace id, query, method, caller, body, shape, tenant, core, answer. No rule lives here: the core decides.
// Promises: a malformed request reaches no counter and is answered by a problem that names every fault; a decision is 200
// unless `?enforce=1` asks for its own status; only a core that breaks its promise makes a 500.
// Bare because a framework costs more per request than the decision does; callbacks and one promise for the same reason.
import type { RequestListener, ServerResponse } from "node:http";
import { MAX_CHECK_BODY } from "@sluice/contract";
import type { Caller } from "../auth/credentials.ts";
import { sendJson } from "../platform/answer.http.ts";
import type { Answer } from "./answer.ts";
import { openBatch } from "./batch.http.ts";
import { decisionJson } from "./decision-json.ts";
import { appendRateLimitHeaders } from "./headers.ts";
import { parseCheck } from "./parse.ts";
import { type CheckDoorParts, mayAsk, Visit } from "./visit.http.ts";

export const CHECK_PATH = "/internal/rate-limit/check";
export const BATCH_PATH = "/internal/rate-limit/check/batch";

export function createCheckDoor(parts: CheckDoorParts, rest: RequestListener): RequestListener {
  return (request, response) => {
    const url = request.url ?? "";
    const queryAt = url.indexOf("?");
    const path = queryAt === -1 ? url : url.slice(0, queryAt);
    const query = queryAt === -1 ? "" : url.slice(queryAt + 1);
    if (path === CHECK_PATH) openCheck(new Visit(parts, request, response), query);
    else if (path === BATCH_PATH) openBatch(new Visit(parts, request, response), query);
    else rest(request, response);
  };
}

function openCheck(visit: Visit, query: string): void {
  // A query that is silently ignored would let a caller believe that its refusals are enforced.
  if (query !== "" && query !== "enforce=1" && query !== "enforce=0") {
    visit.refuse("INVALID_REQUEST", "The query may hold enforce=1 or enforce=0, and nothing else.");
    return;
  }
  const enforce = query === "enforce=1";
  visit.open(MAX_CHECK_BODY, (value, caller) => answerCheck(visit, value, caller, enforce));
}

function answerCheck(visit: Visit, value: unknown, caller: Caller, enforce: boolean): void {
  const parsed = parseCheck(value, "");
  if (parsed.kind === "faulty") {
    visit.refuse("INVALID_REQUEST", "The check does not follow the contract: see errors.", parsed.errors);
    return;
  }
  const { input, timestampMs } = parsed;
  if (!mayAsk(caller, input.tenantId)) {
    visit.refuseTenants(["/tenantId"]);
    return;
  }
  const { metrics, checks } = visit.parts;
  if (timestampMs !== null) metrics.callerSkew(timestampMs - Date.now());
  checks
    .check(input, visit.traceId)
    .then((answer) => {
      send(visit.response, answer, enforce);
      metrics.decision(answer.decision.reason, answer.decision.deniedBy?.window ?? null);
      metrics.checkDuration(visit.elapsedMs());
    })
    .catch((cause) => visit.fail(cause));
}

function send(response: ServerResponse, answer: Answer, enforce: boolean): void {
  const fields: string[] = [];
  appendRateLimitHeaders(fields, answer);
  sendJson(response, enforce ? answer.decision.status : 200, decisionJson(answer.decision), fields);
}
