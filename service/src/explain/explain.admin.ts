// The Admin route that explains: asked like a check, it consumes nothing.
import { CheckRequest, ExplanationBody } from "@sluice/contract";
import { type Route, readRoute } from "../admin/route.admin.ts";
import { parseCheck } from "../check/parse.ts";
import { ANONYMOUS_USER, OVERFLOW_USER } from "../counters/counters.ts";
import { Refusal } from "../platform/refusal.ts";
import type { Target } from "../policies/policy.ts";
import type { Explain } from "./explain.ts";
import type { Explanation } from "./explanation.ts";

export function explainRoutes(explain: Explain): Route[] {
  return [
    readRoute({
      ...{ method: "POST", path: "/admin/explain", tag: "explain", action: "explain.read" },
      summary: "Which limits apply to a call, why, and what it would be answered",
      shape: { body: CheckRequest },
      answer: ExplanationBody,
      find: async ({ body, permit, origin }) => {
        permit.touch(body.tenantId);
        const parsed = parseCheck(body, "");
        if (parsed.kind === "faulty") {
          throw new Refusal("INVALID_REQUEST", "The check does not follow the contract: see errors.", parsed);
        }
        return { body: bodyOf(await explain(parsed.input, origin.requestId)) };
      },
    }),
  ];
}

function bodyOf(explanation: Explanation) {
  const { fields, shadow, unmatched, counters, ...rest } = explanation;
  return {
    ...rest,
    fields: fields.map(({ winner, losers, ...field }) => {
      return { ...field, winner: winner && withTarget(winner), losers: losers.map(withTarget) };
    }),
    shadow: shadow.map(({ watching, losers, ...one }) => {
      return { ...one, watching: withTarget(watching), losers: losers.map(withTarget) };
    }),
    unmatched: unmatched.map(withTarget),
    counters: counters.map(({ user, ...counter }) => ({ ...counter, user: shownUser(user) })),
  };
}

function withTarget<Row extends Readonly<{ target: Target }>>({ target, ...row }: Row) {
  return { ...row, target: targetText(target) };
}

function targetText(target: Target) {
  if (target.kind === "EVERYONE") return "everyone";
  return target.kind === "PLAN" ? { plan: target.plan } : { tenant: target.tenant };
}

function shownUser(user: string | null): string | null {
  if (user === ANONYMOUS_USER) return "(anonymous)";
  return user === OVERFLOW_USER ? "(overflow)" : user;
}
