// `sluice explain`: which limits apply to a call, which policy won each and why the others lost, what the counters hold, and
// what the call would be answered. Nothing is counted.
import type { ExplanationBody } from "@sluice/contract";
import { Command } from "commander";
import type Type from "typebox";
import { type ApiOptions, openApi, withApiOptions } from "./api/api.ts";
import { type CallOptions, callOf, withCallOptions } from "./call-options.ts";
import { formatTable, type Row, type Terminal } from "./terminal.ts";

type Explanation = Type.Static<typeof ExplanationBody>;
type Section = Readonly<{ title: string; rows: readonly Row[] }>;

export function explainCommand(terminal: Terminal): Command {
  const command = new Command("explain").description(
    "Which limits apply to a call, why, and what it would be answered",
  );
  return withApiOptions(withCallOptions(command)).action(async (options: ApiOptions & CallOptions) => {
    const api = await openApi(terminal, options);
    const { body } = await api.ask({ method: "POST", path: "/admin/explain", body: callOf(options) });
    const wantsJson = options.json || !terminal.wantsTables;
    terminal.print(wantsJson ? JSON.stringify(body, null, 2) : formatExplanation(body as Explanation));
  });
}

/** A table for each question that a person has, in the order in which they are asked. */
function formatExplanation(explanation: Explanation): string {
  return sectionsOf(explanation)
    .filter(({ rows }) => rows.length > 0)
    .map(({ title, rows }) => `${title}\n${formatTable(rows)}`)
    .join("\n\n");
}

function sectionsOf(explanation: Explanation): Section[] {
  return [
    { title: "The answer would be", rows: [answerRow(explanation)] },
    { title: "Limits", rows: limitRows(explanation) },
    { title: "Policies that lost", rows: lossRows(explanation) },
    { title: "Policies that only watch", rows: shadowRows(explanation) },
    { title: "Counters", rows: counterRows(explanation) },
  ];
}

function answerRow({ decision, unavailable, tenant, policyVersion }: Explanation): Row {
  return {
    allowed: decision?.allowed ?? null,
    reason: decision?.reason ?? unavailable ?? null,
    "retry after (ms)": decision?.retryAfterMs ?? null,
    tenant: tenant === null ? null : `${tenant.id} ${tenant.status}`,
    plan: tenant?.plan ?? null,
    "policy version": policyVersion,
  };
}

function limitRows({ fields }: Explanation): Row[] {
  return fields.map(({ scope, window, winner }) => {
    return { scope, window, limit: winner?.limit ?? null, "set by": winner?.name ?? null };
  });
}

function lossRows({ fields }: Explanation): Row[] {
  return fields.flatMap(({ scope, window, losers }) =>
    losers.map(({ name, limit, why, segment }) => {
      return { scope, window, policy: name, limit, why: segment === null ? why : `${why} (segment ${segment})` };
    }),
  );
}

function shadowRows({ shadow }: Explanation): Row[] {
  return shadow.flatMap(({ scope, watching }) =>
    watching.limits.map(({ window, limit }) => ({ scope, window, limit, policy: watching.name })),
  );
}

function counterRows({ counters }: Explanation): Row[] {
  return counters.flatMap(({ scope, api, user, windows }) =>
    windows.map(({ window, limit, shadowLimit, used, remaining, resetAt }) => {
      return { scope, api, user, window, used, limit, "shadow limit": shadowLimit, remaining, "resets at": resetAt };
    }),
  );
}
