// `sluice check`: asks a running service one question and prints the decision. Exit code 10 says that it was refused.
import type { CheckRequest, Decision } from "@sluice/contract";
import { Command } from "commander";
import { DEFAULT_URL, jsonOf, parseServiceUrl, sendRequest } from "./api/http.ts";
import { type CallOptions, callOf, withCallOptions } from "./call-options.ts";
import { CommandFailure, EXIT, type ExitCode } from "./exit-codes.ts";
import { printResult, type Row, type Terminal } from "./terminal.ts";

/** The service decides within milliseconds; this bounds only a network that swallows packets. */
const ANSWER_TIMEOUT_MS = 5_000;

type Options = CallOptions & Readonly<{ requestId?: string; url?: string; credential?: string; json?: boolean }>;

export function checkCommand(terminal: Terminal, finish: (exitCode: ExitCode) => void): Command {
  const command = new Command("check").description(
    "Ask whether one call may go on (it is counted, unless --cost is 0)",
  );
  return withCallOptions(command)
    .option("--request-id <id>", "the same id within 60 s is counted once")
    .option("--url <url>", `the service (or SLUICE_URL; default ${DEFAULT_URL})`)
    .option("--credential <secret>", "service credential (or SLUICE_CREDENTIAL, which no process list shows)")
    .option("--json", "JSON on a terminal too")
    .action(async (options: Options) => {
      const decision = await ask(options, terminal.environment);
      printResult(terminal, options.json, decision, rowsOf(decision));
      finish(decision.allowed ? EXIT.ok : EXIT.denied);
    });
}

async function ask(options: Options, environment: Terminal["environment"]): Promise<Decision> {
  const base = parseServiceUrl(options.url ?? environment.SLUICE_URL ?? DEFAULT_URL);
  const credential = options.credential ?? environment.SLUICE_CREDENTIAL;
  const { requestId } = options;
  const body: CheckRequest = { ...callOf(options), ...(requestId !== undefined && { requestId }) };
  const response = await sendRequest(base, {
    ...{ method: "POST", path: "/internal/rate-limit/check", body, timeoutMs: ANSWER_TIMEOUT_MS },
    ...(credential && { headers: { "x-service-auth": credential } }),
  });
  const answer = await jsonOf(base, response);
  if (isDecision(answer)) return answer;
  throw new CommandFailure(EXIT.failed, `${base} answered something that is no decision: is it a Sluice service?`);
}

function isDecision(answer: unknown): answer is Decision {
  return typeof answer === "object" && answer !== null && "allowed" in answer && "reason" in answer;
}

/** One row per fact that a person looks for first. */
function rowsOf(decision: Decision): Row[] {
  const { deniedBy } = decision;
  const facts: Record<string, Row[string]> = {
    allowed: decision.allowed,
    reason: decision.reason,
    "retry after (ms)": decision.retryAfterMs,
    "denied by":
      deniedBy && `${deniedBy.policyId} ${deniedBy.scope} ${deniedBy.window} ${deniedBy.used}/${deniedBy.limit}`,
    ...Object.fromEntries(Object.entries(decision.remaining).map(([field, left]) => [`remaining ${field}`, left])),
    notes: decision.notes.join(", ") || null,
    "policy version": decision.policyVersion,
    trace: decision.traceId,
  };
  return Object.entries(facts).map(([fact, value]) => ({ fact, value }));
}
