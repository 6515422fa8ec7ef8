// The batch: the well-formed checks go to the core together, the malformed ones get INVALID_REQUEST in their place.
// Promises: decision i belongs to check i, a malformed check changes nothing for the others, no rate-limit headers.
import { type Decision, MAX_BATCH_BODY, problem } from "@sluice/contract";
import type { Caller } from "../auth/credentials.ts";
import { sendJson } from "../platform/answer.http.ts";
import { decisionJson } from "./decision-json.ts";
import { type Parsed, parseBatch, parseCheck } from "./parse.ts";
import { mayAsk, type Visit } from "./visit.http.ts";

export function openBatch(visit: Visit, query: string): void {
  if (query !== "") visit.refuse("INVALID_REQUEST", "A batch takes no query.");
  else visit.open(MAX_BATCH_BODY, (value, caller) => answerBatch(visit, value, caller));
}

function answerBatch(visit: Visit, value: unknown, caller: Caller): void {
  const envelope = parseBatch(value);
  if (envelope.kind === "faulty") {
    visit.refuse("INVALID_REQUEST", "The batch does not follow the contract: see errors.", envelope.errors);
    return;
  }
  const items = envelope.checks.map((item, index) => parseCheck(item, `/checks/${index}`));
  const foreign = items.flatMap((item, index) =>
    item.kind === "ok" && !mayAsk(caller, item.input.tenantId) ? [`/checks/${index}/tenantId`] : [],
  );
  if (foreign.length > 0) {
    visit.refuseTenants(foreign);
    return;
  }
  const { metrics } = visit.parts;
  decide(visit, items)
    .then((decisions) => {
      sendJson(visit.response, 200, `{"decisions":[${decisions.map(decisionJson).join(",")}]}`);
      for (const { reason, deniedBy } of decisions) metrics.decision(reason, deniedBy?.window ?? null);
      metrics.batchDuration(visit.elapsedMs());
    })
    .catch((cause) => visit.fail(cause));
}

async function decide(visit: Visit, items: readonly Parsed[]): Promise<Decision[]> {
  const { checks, metrics, policyVersion } = visit.parts;
  const nowMs = Date.now();
  const wellFormed = items.filter((item) => item.kind === "ok");
  for (const { timestampMs } of wellFormed) {
    if (timestampMs !== null) metrics.callerSkew(timestampMs - nowMs);
  }
  const inputs = wellFormed.map(({ input }) => input);
  const answers = inputs.length === 0 ? [] : await checks.checkBatch(inputs, visit.traceId);
  let answered = 0;
  return items.map((item) => {
    if (item.kind === "faulty") return invalid(item, visit.traceId, policyVersion());
    const answer = answers[answered];
    if (answer === undefined) throw new Error(`the core answered ${answers.length} of ${inputs.length} checks`);
    answered += 1;
    return answer.decision;
  });
}

const NOTHING_REMAINS = { perSecond: null, perMinute: null, perDay: null, quotaDaily: null, quotaMonthly: null };
const NO_RESET = { second: null, minute: null, day: null, quotaDay: null, month: null };

function invalid(item: Extract<Parsed, { kind: "faulty" }>, traceId: string, policyVersion: number): Decision {
  return {
    allowed: false,
    reason: "INVALID_REQUEST",
    status: 400,
    remaining: NOTHING_REMAINS,
    resetAt: NO_RESET,
    retryAfterMs: null,
    deniedBy: null,
    shadow: [],
    notes: [],
    policyVersion,
    traceId,
    problem: problem("INVALID_REQUEST", "This check does not follow the contract: see errors.", item.errors, traceId),
  };
}
