// Writes a Decision as JSON, by hand: half the time of JSON.stringify on the answer that every call gets.
// Promise: the same text that JSON.stringify gives for the fields in the contract's order (decision-json.test.ts).
// Only strings that operators choose are escaped; the others come from closed lists, clocks and hexadecimal digits.
import type { Decision, DeniedBy } from "@sluice/contract";

export function decisionJson(decision: Decision): string {
  const { remaining, resetAt, deniedBy, shadow, notes } = decision;
  const text =
    `{"allowed":${decision.allowed},"reason":"${decision.reason}","status":${decision.status},` +
    `"remaining":{"perSecond":${remaining.perSecond},"perMinute":${remaining.perMinute},"perDay":${remaining.perDay},` +
    `"quotaDaily":${remaining.quotaDaily},"quotaMonthly":${remaining.quotaMonthly}},` +
    `"resetAt":{"second":${instant(resetAt.second)},"minute":${instant(resetAt.minute)},"day":${instant(resetAt.day)},` +
    `"quotaDay":${instant(resetAt.quotaDay)},"month":${instant(resetAt.month)}},` +
    `"retryAfterMs":${decision.retryAfterMs},"deniedBy":${deniedBy === null ? "null" : deniedByJson(deniedBy)},` +
    `"shadow":${shadow.length === 0 ? "[]" : JSON.stringify(shadow)},` +
    `"notes":${notes.length === 0 ? "[]" : JSON.stringify(notes)},` +
    `"policyVersion":${decision.policyVersion},"traceId":"${decision.traceId}"`;
  return decision.problem === undefined ? `${text}}` : `${text},"problem":${JSON.stringify(decision.problem)}}`;
}

function deniedByJson(by: DeniedBy): string {
  return (
    `{"policyId":${JSON.stringify(by.policyId)},"target":"${by.target}","scope":"${by.scope}",` +
    `"window":"${by.window}","limit":${by.limit},"used":${by.used}}`
  );
}

function instant(at: string | null): string {
  return at === null ? "null" : `"${at}"`;
}
